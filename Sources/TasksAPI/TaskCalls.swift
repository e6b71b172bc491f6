internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import NIOHTTP1
internal import PayloadSchema

/// `/v1/tasks`: jobs of all functions, for their account and the admin.
struct TaskCalls: Sendable {
    let engine: JobEngine

    static let listOperation = Operation(
        "The caller's tasks",
        parameters: [
            .query("status", "One of the statuses"), .query("type", "The function or type"),
            .query("since", "RFC 3339"), .query("until", "RFC 3339"), .query("limit", "1 to 100"),
            .query("cursor", "From the page before"), .query("sortOrder", "asc or desc"),
            .query("key", "An idempotency key"), .query("account", "Whose tasks; the admin's only"),
        ],
        answers: [.init(200, "A page of tasks")])

    func list(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let principal = try context.caller()
        var query = try TaskQuery(request, for: principal)
        if let key = query.key, let owner = query.owner {
            query.filter.keys = engine.scopes(ofKey: key, owner: owner, function: query.filter.function)
        }
        let list = try await request.connection.whileThere { [engine, query] in
            try await engine.list(
                query.filter, as: principal.viewer, after: query.cursor, newestFirst: query.newestFirst,
                limit: query.limit)
        }
        return .response(TaskListBody(list, at: engine.now).response)
    }

    func get(_ request: ServerRequest, _ context: RouteContext) throws(Problem) -> RouteAnswer {
        let target = try TaskTarget(context)
        let seconds = try RequestFields.wait(try RequestFields.query(request)) ?? 0
        guard seconds > 0 else { return .task { _, _ in try await answer(200, try await current(target)) } }
        return .loop { exchange, _ in
            JobWait.forChange(
                engine, exchange, of: target.id, as: target.viewer, seconds: seconds, check: target.check,
                then: { exchange.run { try await answer(200, try await current(target)) } })
        }
    }

    func delete(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let target = try TaskTarget(context)
        let force = try RequestFields.force(try RequestFields.query(request))
        _ = try target.check(try await engine.job(target.id, as: target.viewer))
        switch try await engine.cancel(target.id, as: target.viewer, force: force) {
        case .cancelled(let job): return try await answer(200, job)
        case .running:
            throw Problem(
                409, "The task is running. Add \"?force=true\" to stop it.", kind: "job-running", title: "Job running")
        case .ended(let state):
            throw Problem(409, "The task has ended already: \(state).", kind: "job-ended", title: "Job ended")
        case .gone: throw TaskTarget.notFound
        }
    }

    func retry(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let target = try TaskTarget(context)
        _ = try target.check(try await engine.job(target.id, as: target.viewer))
        switch try await engine.retry(target.id, as: target.viewer) {
        case .retried: return try await answer(202, try await current(target))
        case .refused(let state):
            throw Problem(
                409, "Only failed, timeout and cancelled tasks are tried again; this one is \(state).",
                kind: "not-retryable", title: "Not retryable")
        case .unknown: throw TaskTarget.notFound
        }
    }

    func explain(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let target = try TaskTarget(context)
        let job = try await current(target)
        let now = engine.now
        let reasons = try await engine.explain(job)
        return .response(
            .json(
                200,
                [
                    "id": .string(target.id.description),
                    "status": .string(JobFilter.Status(job, at: now).rawValue),
                    "reasons": .array(reasons.map { ExplanationText.of($0, function: job.job.function) }),
                ]))
    }

    private func current(_ target: TaskTarget) async throws -> JobSnapshot {
        try target.check(try await engine.job(target.id, as: target.viewer, including: [.payload, .value]))
    }

    private func answer(_ status: Int, _ job: JobSnapshot) async throws -> ServerReply {
        // Of the runs up to this one: a later one may have begun.
        let attempts =
            job.progress.attempt > 0
            ? try await engine.attempts(of: job).filter { $0.run <= job.progress.run } : []
        let task = TaskBody.bytes(of: job, attempts: attempts, at: engine.now)
        return .response(
            ServerResponse(
                status: status, headers: ["Content-Type": "application/json"],
                body: Array(#"{"task":"#.utf8) + task + Array("}".utf8)))
    }
}
