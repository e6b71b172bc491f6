internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import NIOHTTP1
internal import PayloadSchema

/// `POST <basePath>/<path>`: checked in the order of CONTRACT 4, stored, answered with 202, or held until the end.
///
/// It runs on the event loop: what the head says is decided before the body comes, the body goes to the store as it is, and
/// the answer is written when the commit is on disk.
final class AcceptCall: Sendable {
    /// A longer body is checked in a task; so is a shorter one where limits or keys want values of it, for those are parsed.
    private static let bodyBytes = 16 << 10
    private static let parsedBodyBytes = 4 << 10

    let function: Function
    let engine: JobEngine
    let page: StatusPage
    let reply: AcceptedReply
    /// Whether a text has a credential of ours in it.
    let isCredential: @Sendable (String) -> Bool
    private let isParsed: Bool

    init(
        function: Function, engine: JobEngine, page: StatusPage, reply: AcceptedReply,
        isCredential: @escaping @Sendable (String) -> Bool
    ) {
        self.function = function
        self.engine = engine
        self.page = page
        self.reply = reply
        self.isCredential = isCredential
        isParsed = function.readsPayload
    }

    static func operation(of function: Function) -> Operation {
        Operation(
            function.summary ?? "Calls \(function.name)",
            parameters: function.endpoint.path.segments.compactMap {
                if case .parameter(let name) = $0 { .path(name, "Part of the job's parameters") } else { nil }
            } + [
                .header("Idempotency-Key", "The same key and request again answer with the same job"),
                .header("Prefer", "wait=N holds the answer up to N seconds, at most 25"),
                .header("Sluice-Delay", "How long the job waits before it starts: 5m"),
                .header("Sluice-Not-Before", "When the job starts at the earliest: RFC 3339 or epoch milliseconds"),
                .header("Sluice-Webhook", "Where the job's end is sent to"),
            ],
            answers: [
                .init(202, "Accepted: it is stored, and will be run"),
                .init(400, "The body or a header field is not valid"),
                .init(415, "The body is not JSON, or does not say so"),
                .init(422, "The idempotency key was used with another request"),
                .init(429, "A rate limit or a full queue"),
                .init(503, "The server cannot store it now, or its disk has too little space"),
            ])
    }

    /// What the head says of a call.
    private final class Call: Sendable {
        let submission: Submission
        /// Of a body that may turn out to be empty.
        let typeProblem: Problem?
        let hold: Hold

        init(_ submission: Submission, _ typeProblem: Problem?, _ hold: Hold) {
            self.submission = submission
            self.typeProblem = typeProblem
            self.hold = hold
        }

        var webhook: String? { submission.options.webhook }
    }

    func open(_ request: ServerRequest, _ context: RouteContext) throws(Problem) -> RouteAnswer {
        let principal = context.principal
        if request.carries(.sluiceWebhook), principal == nil, !function.endpoint.callerWebhook {
            throw Problem.unauthorized("Sluice-Webhook")
        }
        var typeProblem: Problem?
        if request.mayHaveBody {
            do throws(Problem) {
                try RequestFields.checkJSONType(request)
            } catch {
                // A body in chunks may turn out to be empty.
                guard request.declaredLength == nil else { throw error }
                typeProblem = error
            }
        }
        let submission = Submission(
            function: function.name, payload: nil,
            parameters: CallFields.parameters(query: try RequestFields.query(request), path: context.parameters),
            owner: principal?.owner, clientAddress: context.client.text,
            idempotencyKey: try CallFields.idempotencyKey(request),
            requestLine: [request.method, request.rawPath, request.rawQuery ?? ""],
            start: try CallFields.start(request),
            options: JobOptions(
                webhook: try CallFields.webhook(request),
                forwarded: CallFields.forwarded(request.headers, to: function.handler, isCredential: isCredential)))
        let call = Call(submission, typeProblem, Hold(function, RequestFields.preferences(request)))
        return .loop { [self] exchange, body in take(call, body, exchange) }
    }

    /// How long the caller wants to wait, and which preference is honoured.
    private struct Hold: Sendable {
        var milliseconds: Int64 = 0
        var applied: String?

        init(_ function: Function, _ preferences: RequestFields.Preferences) {
            if preferences.respondAsync, preferences.wait == nil {
                applied = "respond-async"
            } else if let wait = preferences.wait {
                milliseconds = Int64(wait) * 1000
                applied = "wait=\(wait)"
            } else if function.endpoint.mode == .sync {
                milliseconds = min(function.timeout, Limits.syncHold).milliseconds
            }
        }
    }

    private func take(_ call: Call, _ body: [UInt8], _ exchange: HTTPExchange) {
        if !body.isEmpty, let problem = call.typeProblem { return exchange.fail(problem) }
        if body.count <= (isParsed ? Self.parsedBodyBytes : Self.bodyBytes) {
            submit(call, body, exchange)
        } else {
            Task { submit(call, body, exchange) }
        }
    }

    private func submit(_ call: Call, _ body: [UInt8], _ exchange: HTTPExchange) {
        var submission = call.submission
        submission.payload = body.isEmpty ? nil : body
        engine.submit(submission) { [self] answer in
            exchange.post { self.settle(answer, call, exchange) }
        }
    }

    private func settle(_ answer: Admission.Answer, _ call: Call, _ exchange: HTTPExchange) {
        switch answer {
        case .accepted(let accepted): accept(accepted, call, exchange)
        case .refused(let refusal): exchange.fail(EngineProblem.of(refusal, function: function))
        case .noRoom(let refusal, let recall): ask(recall, or: refusal, call, exchange)
        }
    }

    /// A call that was accepted before is answered as then, before it is told that there is no room.
    private func ask(_ recall: Admission.Recall, or refusal: Refusal, _ call: Call, _ exchange: HTTPExchange) {
        Task {
            switch await engine.recall(recall, or: refusal) {
            case .success(let accepted): exchange.post { self.accept(accepted, call, exchange) }
            case .failure(let refusal):
                exchange.post { exchange.fail(EngineProblem.of(refusal, function: self.function)) }
            }
        }
    }

    private func accept(_ accepted: Accepted, _ call: Call, _ exchange: HTTPExchange) {
        guard call.hold.milliseconds > 0, exchange.hold() else {
            return exchange.reply(marked(accepted202(accepted, accepted.job, call, exchange), accepted, call))
        }
        let viewer = Viewer.link(exchange.context.principal)
        JobWait.start(
            engine, exchange, for: accepted.id, as: viewer, milliseconds: call.hold.milliseconds,
            until: { !$0.isLive },
            then: { [self] _ in
                StatusLook.look(engine, exchange, at: accepted.id, as: viewer, StatusPage.parts) {
                    [self] lookup in
                    // The job is stored: when it cannot be read now, the 202 still stands.
                    answer(accepted, (try? lookup.get())?.snapshot, call, exchange)
                }
            })
    }

    private func answer(_ accepted: Accepted, _ job: JobSnapshot?, _ call: Call, _ exchange: HTTPExchange) {
        guard let job, job.state.isTerminal else {
            return exchange.reply(marked(accepted202(accepted, job ?? accepted.job, call, exchange), accepted, call))
        }
        var response = page.response(for: job, requestID: exchange.context.requestID)
        // Its body is the job's: the secret that the 202 would have told goes beside it.
        if let secret = reply.secretToTell(of: accepted.id, job, to: call.webhook) {
            response.headers.add(name: "Sluice-Webhook-Secret", value: secret.revealed)
        }
        exchange.reply(marked(response, accepted, call))
    }

    private func accepted202(
        _ accepted: Accepted, _ job: JobSnapshot?, _ call: Call, _ exchange: HTTPExchange
    ) -> ServerResponse {
        reply.response(
            accepted, job, webhook: call.webhook, baseURL: exchange.context.baseURL)
    }

    private func marked(_ response: ServerResponse, _ accepted: Accepted, _ call: Call) -> ServerResponse {
        guard !accepted.rates.isEmpty || accepted.replayed || call.hold.applied != nil else { return response }
        var response = response
        for (name, value) in RateFields.of(accepted.rates.map { $0.quota(of: function) }) {
            response.headers.replaceOrAdd(name: name, value: value)
        }
        if accepted.replayed { response.headers.replaceOrAdd(name: "Idempotency-Replayed", value: "true") }
        if let applied = call.hold.applied { response.headers.replaceOrAdd(name: "Preference-Applied", value: applied) }
        return response
    }
}
