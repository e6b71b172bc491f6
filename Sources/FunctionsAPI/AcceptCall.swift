internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import NIOCore
internal import NIOHTTP1
internal import PayloadSchema

/// `POST <basePath>/<path>`: checked in the order of CONTRACT 4, stored, answered with 202, or held until the end.
struct AcceptCall: Sendable {
    let engine: JobEngine
    let authenticator: any Authenticator
    let page: StatusPage
    /// What signs the webhook of a job without an owner, where that is for its caller to know.
    let webhookSecret: @Sendable (JobID) -> Secret?

    func callAsFunction(
        _ request: ServerRequest, _ context: RouteContext, function: Function
    ) async throws -> ServerReply {
        let principal = try await authenticator.principal(of: request.headers)
        if function.endpoint.authentication == .required, principal == nil {
            throw Problem.unauthorized("This function")
        }
        if request.headers.contains(name: "sluice-webhook"), principal == nil, !function.endpoint.callerWebhook {
            throw Problem.unauthorized("Sluice-Webhook")
        }
        if request.bodyTooLarge { throw Problem(413, "The body is larger than this server accepts (maxPayload).") }
        try RequestFields.checkJSON(request)
        let query = try RequestFields.query(request)
        let submission = Submission(
            function: function.name,
            payload: request.body.readableBytes > 0 ? Array(request.body.readableBytesView) : nil,
            parameters: CallFields.parameters(query: query, path: context.parameters),
            owner: principal?.owner, clientAddress: context.clientAddress,
            idempotencyKey: try CallFields.idempotencyKey(request.headers),
            requestLine: [request.method, request.rawPath, request.rawQuery ?? ""],
            start: try CallFields.start(request.headers),
            options: JobOptions(
                webhook: try CallFields.webhook(request.headers),
                forwarded: CallFields.forwarded(
                    request.headers, to: function.handler, credentialsAreOurs: principal != nil)))
        let accepted: Accepted
        do {
            accepted = try await engine.submit(submission)
        } catch {
            throw Self.problem(of: error, function: function)
        }
        let hold = Hold(function: function, preferences: RequestFields.preferences(request.headers))
        return .response(
            await answer(accepted, for: .link(principal), submission.options.webhook, hold, function, request, context))
    }

    /// How long the caller wants to wait, and which preference is honoured.
    private struct Hold {
        var milliseconds: Int64 = 0
        var applied: String?

        init(function: Function, preferences: RequestFields.Preferences) {
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

    private func answer(
        _ accepted: Accepted, for viewer: Viewer, _ webhook: String?, _ hold: Hold, _ function: Function,
        _ request: ServerRequest,
        _ context: RouteContext
    ) async -> ServerResponse {
        var job = accepted.job
        var response: ServerResponse?
        if hold.milliseconds > 0 {
            // The job is stored: when it cannot be read now, the 202 still stands.
            try? await engine.wait(
                for: accepted.id, as: viewer, milliseconds: hold.milliseconds,
                arm: request.connection.race(milliseconds:timeUp:disconnected:), until: { !$0.isLive })
            let lookup = try? await engine.job(accepted.id, as: viewer, including: page.parts(for: function))
            if let snapshot = lookup?.snapshot {
                job = snapshot
                if snapshot.state.isTerminal {
                    response = page.response(for: snapshot, requestID: context.requestID)
                    // Its body is the job's: the secret that the 202 would have told goes beside it.
                    if let secret = secretToTell(of: accepted.id, snapshot, to: webhook) {
                        response?.headers.add(name: "Sluice-Webhook-Secret", value: secret.revealed)
                    }
                }
            }
        }
        var final = response ?? acceptedResponse(accepted.id, webhook, function, job)
        for (name, value) in RateFields.of(accepted.rates.map { $0.quota(of: function) }) {
            final.headers.replaceOrAdd(name: name, value: value)
        }
        if accepted.replayed { final.headers.replaceOrAdd(name: "Idempotency-Replayed", value: "true") }
        if let applied = hold.applied { final.headers.replaceOrAdd(name: "Preference-Applied", value: applied) }
        return final
    }

    private func acceptedResponse(
        _ id: JobID, _ webhook: String?, _ function: Function, _ job: JobSnapshot?
    ) -> ServerResponse {
        let url = page.url(of: id, function: function.name)
        var body = JSONObject()
        body["queueId"] = .string(function.name)
        body["jobId"] = .string(id.description)
        body["statusUrl"] = .string(url)
        if let job, let secret = secretToTell(of: id, job, to: webhook) {
            body["webhookSecret"] = .string(secret.revealed)
        }
        var response = ServerResponse.json(202, .object(body))
        response.headers.add(name: "Location", value: url)
        if let job {
            response.headers.add(name: "Retry-After", value: String(page.retryAfter(job)))
            response.headers.add(
                name: "Sluice-Job-State", value: StatusName(job.state, failure: job.failure).rawValue)
        }
        return response
    }

    /// Whoever has an account was told its secret when that was made. A replay is told it where it names the same webhook:
    /// an idempotency key can be guessed.
    private func secretToTell(of id: JobID, _ job: JobSnapshot, to webhook: String?) -> Secret? {
        webhook != nil && job.job.options.webhook == webhook && job.job.owner == nil ? webhookSecret(id) : nil
    }

    private static func problem(of refusal: Refusal, function: Function) -> Problem {
        switch refusal {
        case .unknownFunction:
            Problem(404, "Nothing is found at this path.")
        case .invalidJSON(let error):
            Problem(400, "The body is not valid JSON: \(error).", kind: "invalid-json", title: "Invalid JSON")
        case .idempotencyConflict:
            Problem(
                422, "This Idempotency-Key was used with another request. Use a new key for a new request.",
                kind: "idempotency-conflict", title: "Idempotency key reused")
        case .rateLimited(let status):
            Problem(
                429,
                "At most \(status.rule.limit) calls of \(function.name) in \(status.rule.per.written). "
                    + "Try again in \(status.resetSeconds) seconds.",
                kind: "rate-limited", title: "Too many requests",
                extensions: [("limit", "rateLimit"), ("retryAfter", .integer(status.resetSeconds))],
                headers: [("Retry-After", "\(status.resetSeconds)")] + RateFields.of([status.quota(of: function)]))
        case .queueFull(let full):
            queueFull(full, function: function)
        case .startTooLate:
            CallFields.startTooLate
        case .storeUnavailable(let error):
            StoreProblem.of(error)
        }
    }
}

extension AcceptCall {
    private static func queueFull(_ full: QueueFull, function: Function) -> Problem {
        let (whose, limit) =
            switch full.scope {
            case .function: (function.name, "maxQueued")
            case .account: ("your account", "accounts.maxQueued")
            case .server: ("this server", "server.maxQueued")
            }
        return Problem(
            429, "The queue of \(whose) is full: \(full.limit) jobs are waiting. Try again later.",
            kind: "queue-full", title: "Queue full",
            extensions: [("limit", .string(limit)), ("retryAfter", .integer(full.retryAfter))],
            headers: [("Retry-After", "\(full.retryAfter)")])
    }
}

extension RateStatus {
    fileprivate func quota(of function: Function) -> RateQuota {
        RateQuota(
            name: function.name, limit: rule.limit, windowSeconds: max(1, rule.per.secondsRoundedUp),
            remaining: remaining, resetSeconds: resetSeconds)
    }
}
