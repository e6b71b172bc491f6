internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import PayloadSchema

/// `/v1/async/status` and `/v1/functions`.
struct FunctionCalls: Sendable {
    private static let countLimit = 100_000

    let engine: JobEngine
    let authenticator: any Authenticator
    let basePath: [String]

    /// Queued counts due, delayed and backoff; processing counts running; waiting is in neither.
    func queueStatus(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let principal = try await authenticator.require(request)
        var queued = 0
        var running = 0
        if let scope = principal.scope {
            for status in [JobFilter.Status.pending, .delayed] {
                queued += try await engine.count(JobFilter(status: status, owner: scope), limit: Self.countLimit).count
            }
            running = try await engine.count(
                JobFilter(status: .processing, owner: scope), limit: Self.countLimit
            ).count
        } else {
            for gauge in engine.gauges.all.values {
                queued += gauge.queued
                running += gauge.running
            }
        }
        return .response(
            .json(
                200,
                [
                    "queuedTasks": .integer(queued), "processingTasks": .integer(running),
                    "concurrency": [
                        "used": .integer(running), "max": .integer(engine.deployment.value.concurrency),
                    ],
                ]))
    }

    func list(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        _ = try await authenticator.require(request)
        let deployment = engine.deployment.value
        let gauges = engine.gauges.all
        let paused = engine.paused
        let functions = deployment.functions.values.sorted { $0.name < $1.name }.map { function -> JSONValue in
            let gauge = gauges[function.name] ?? FunctionGauges.Gauge()
            return [
                "name": .string(function.name), "summary": .optional(function.summary),
                "method": .string(function.endpoint.method), "path": .string(function.endpoint.path.description),
                "paused": .bool(function.paused || paused.contains(function.name)),
                "queued": .integer(gauge.queued), "running": .integer(gauge.running),
            ]
        }
        return .response(
            .json(
                200,
                [
                    "basePath": .string("/" + basePath.joined(separator: "/")),
                    "manifestRevision": .string(deployment.revision), "functions": .array(functions),
                ]))
    }

    func pause(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        try await setPaused(true, request, context)
    }

    func resume(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        try await setPaused(false, request, context)
    }

    private func setPaused(
        _ paused: Bool, _ request: ServerRequest, _ context: RouteContext
    ) async throws -> ServerReply {
        guard try await authenticator.require(request) == .admin else {
            throw Problem(403, "Only the admin token may pause and resume functions.")
        }
        let name = context.parameter("name") ?? ""
        guard let function = engine.deployment.function(name) else {
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
