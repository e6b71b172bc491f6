internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import PayloadSchema

/// `/v1/async/status` and `/v1/functions`.
struct FunctionCalls: Sendable {
    let engine: JobEngine
    let basePath: [String]

    /// Queued counts due, delayed and backoff; processing counts running; waiting is in neither.
    func queueStatus(_ request: ServerRequest, _ context: RouteContext) throws -> ServerReply {
        let overview = engine.overview(as: try context.caller().viewer)
        return .response(
            .json(
                200,
                [
                    "queuedTasks": .integer(overview.queued), "processingTasks": .integer(overview.running),
                    // An attempt whose end is being written counts as running, and its slot may be another's already.
                    "concurrency": [
                        "used": .integer(min(overview.running, overview.slots)), "max": .integer(overview.slots),
                    ],
                ]))
    }

    /// The declared functions, with the caller's own jobs counted; the admin's are everybody's.
    func list(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let viewer = try context.caller().viewer
        let now = engine.now
        let functions = try await engine.summaries(as: viewer).map { body(of: $0, at: now) }
        return .response(
            .json(
                200,
                [
                    "basePath": .string("/" + basePath.joined(separator: "/")),
                    "manifestRevision": .string(engine.revision), "functions": .array(functions),
                ]))
    }

    private func body(of summary: FunctionSummary, at now: Timestamp) -> JSONValue {
        let function = summary.function
        let age = summary.oldestDue.map { (now - $0).milliseconds }.flatMap { $0 >= 0 ? $0 : nil }
        return [
            "name": .string(function.name), "summary": .optional(function.summary),
            "method": .string(function.endpoint.method), "path": .string(function.endpoint.path.description),
            "maxAttempts": .integer(function.retry.attempts), "paused": .bool(summary.isPaused),
            "queued": .integer(summary.gauge.queued),
            "running": .integer(summary.gauge.running), "waiting": .integer(summary.gauge.waiting),
            "failed": .integer(summary.failed), "oldestDueMs": Self.number(age),
            "attemptMs": [
                "p50": Self.number(summary.attemptTimes.percentile(50)),
                "p99": Self.number(summary.attemptTimes.percentile(99)),
            ],
        ]
    }

    private static func number(_ value: Int64?) -> JSONValue { value.map { .integer($0) } ?? .null }

    func pause(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        try await setPaused(true, request, context)
    }

    func resume(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        try await setPaused(false, request, context)
    }

    private func setPaused(
        _ paused: Bool, _ request: ServerRequest, _ context: RouteContext
    ) async throws -> ServerReply {
        let name = context.parameter("name") ?? ""
        guard let function = engine.policy(of: name)?.declared else {
            throw Problem(404, "No function of this name is declared.")
        }
        if !paused, function.paused {
            throw Problem(
                409, "The manifest pauses \(name); remove \"paused: true\" there.", kind: "paused-by-manifest",
                title: "Paused by the manifest")
        }
        try await engine.setPaused(name, paused)
        return .response(.json(200, ["name": .string(name), "paused": .bool(paused)]))
    }
}
