internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import NIOHTTP1
internal import PayloadSchema

/// `GET` and `DELETE` on a status URL.
struct StatusCalls: Sendable {
    let engine: JobEngine
    let authenticator: any Authenticator
    let page: StatusPage

    func get(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let target = try await Target(request, context, self)
        let query = try RequestFields.query(request)
        let parts = target.parts
        if request.mayStream, Self.wantsEvents(request.headers) {
            return try events(
                target, first: try await lookUp(target, parts), parts: parts, connection: request.connection)
        }
        let preferred = RequestFields.preferences(request.headers).wait
        let asked = try RequestFields.wait(query)
        if let seconds = asked ?? preferred, seconds > 0, let stage = try await liveStage(target) {
            do {
                try await engine.wait(
                    for: target.id, as: target.viewer, milliseconds: Int64(seconds) * 1000,
                    arm: request.connection.race(milliseconds:timeUp:disconnected:), until: { $0.stage != stage })
            } catch {
                throw StoreProblem.of(error)
            }
        }
        // Looked up at the end: ten thousand long polls would hold what was looked up before.
        return try reply(
            to: try await lookUp(target, parts), target, requestID: context.requestID,
            applied: asked == nil ? preferred : nil)
    }

    /// Not inlined: what an async function touches stays in its frame while it waits.
    ///
    /// - Parameter preferred: the seconds of a `Prefer: wait` that was followed.
    @inline(never) private func reply(
        to lookup: JobLookup, _ target: Target, requestID: String, applied preferred: Int?
    ) throws(Problem) -> ServerReply {
        var response = page.response(for: try target.check(lookup), requestID: requestID)
        if let preferred { response.headers.add(name: "Preference-Applied", value: "wait=\(preferred)") }
        return .response(response)
    }

    func delete(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let target = try await Target(request, context, self)
        let force = try RequestFields.force(try RequestFields.query(request))
        _ = try target.check(try await lookUp(target, []))
        let result = try await StoreCall.run { () async throws(StoreError) in
            try await engine.cancel(target.id, as: target.viewer, force: force)
        }
        switch result {
        case .cancelled(let job):
            var response = ServerResponse(
                status: 200, headers: ["Content-Type": "application/json", "Cache-Control": "no-store"],
                body: page.body(of: job, .cancelled))
            response.headers.add(name: "Sluice-Job-State", value: StatusName.cancelled.rawValue)
            return .response(response)
        case .running:
            throw Problem(
                409, "The job is running. Add \"?force=true\" to stop it.", kind: "job-running", title: "Job running")
        case .ended(let state):
            throw Problem(409, "The job has ended already: \(state).", kind: "job-ended", title: "Job ended")
        case .gone:
            throw StatusPage.gone("expired")
        }
    }

    /// Where a job stands that may still change; nil for one that has ended.
    private func liveStage(_ target: Target) async throws(Problem) -> JobLookup.Stage? {
        let lookup = try await lookUp(target, [])
        return try target.check(lookup).state.isTerminal ? nil : lookup.stage
    }

    private func lookUp(_ target: Target, _ parts: JobParts) async throws(Problem) -> JobLookup {
        try await StoreCall.run { () async throws(StoreError) in
            try await engine.job(target.id, as: target.viewer, including: parts)
        }
    }

    /// Who asks for which job: 401 and 400 before anything is looked up.
    private struct Target {
        let id: JobID
        let functionName: String
        let viewer: Viewer
        /// What the answer needs of the job. The function itself is not held: ten thousand long polls would hold it each.
        let parts: JobParts

        init(_ request: ServerRequest, _ context: RouteContext, _ calls: StatusCalls) async throws(Problem) {
            functionName = context.parameter("function") ?? ""
            let function = calls.engine.policy(of: functionName)?.function
            parts = calls.page.parts(for: function)
            let principal = try await calls.authenticator.principal(of: request.headers)
            if function?.endpoint.authentication == .required, principal == nil {
                throw Problem.unauthorized("This function")
            }
            guard let bits = UUIDBits(context.parameter("jobId") ?? "") else {
                throw Problem(400, "The job id is no UUID.")
            }
            guard let id = JobID(bits) else { throw StatusPage.gone("unknown") }
            self.id = id
            viewer = .link(principal)
        }

        /// The job, when it is there and of this function.
        func check(_ lookup: JobLookup) throws(Problem) -> JobSnapshot {
            switch lookup {
            case .found(let job):
                guard job.job.function == functionName else {
                    throw StatusPage.gone("unknown")
                }
                return job
            case .purged(let tombstone):
                guard tombstone.function == functionName else {
                    throw StatusPage.gone("unknown")
                }
                throw StatusPage.gone("expired")
            case .unknown:
                throw StatusPage.gone("unknown")
            }
        }
    }

    // MARK: Server-sent events

    private static let keepAliveMilliseconds: Int64 = 15_000

    private static func wantsEvents(_ headers: HTTPHeaders) -> Bool {
        headers[canonicalForm: "accept"].contains { $0.lowercased().hasPrefix("text/event-stream") }
    }

    /// One event a change, the present state first, until the job has ended (WHATWG HTML, server-sent events).
    @inline(never) private func events(
        _ target: Target, first: JobLookup, parts: JobParts, connection: ClientConnection
    ) throws(Problem) -> ServerReply {
        let first = try target.check(first)
        let head = ServerResponse(
            status: 200, headers: ["Content-Type": "text/event-stream", "Cache-Control": "no-store"])
        return .stream(head) { write in
            var job = first
            try await write(event(job))
            while !job.state.isTerminal {
                let before = JobLookup.found(job).stage
                try await engine.wait(
                    for: target.id, as: target.viewer, milliseconds: Self.keepAliveMilliseconds,
                    arm: connection.race(milliseconds:timeUp:disconnected:), until: { $0.stage != before })
                let lookup = try await engine.job(target.id, as: target.viewer, including: parts)
                guard let next = lookup.snapshot, !connection.isDisconnected else { return }
                if lookup.stage != before {
                    try await write(event(next))
                } else if engine.isDraining {
                    return
                } else {
                    try await write(": still here\n\n")
                }
                job = next
            }
        }
    }

    private func event(_ job: JobSnapshot) -> String {
        let name = StatusName(job.state, failure: job.failure)
        let data = String(decoding: page.body(of: job, name), as: UTF8.self)
        return "event: \(name.rawValue)\ndata: \(data)\n\n"
    }
}

enum StoreCall {
    /// Runs a call of the store; its errors become a 503.
    static func run<Value>(_ body: () async throws(StoreError) -> Value) async throws(Problem) -> Value {
        do {
            return try await body()
        } catch {
            throw StoreProblem.of(error)
        }
    }
}
