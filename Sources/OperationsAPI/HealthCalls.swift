internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import NIOHTTP1
internal import PayloadSchema

/// `/livez`, `/readyz` and `/metrics`.
struct HealthCalls: Sendable {
    let engine: JobEngine
    let connections: Connections
    let reloads: ReloadCounts
    let version: String
    let lostLogLines: @Sendable () -> UInt64

    /// On the event loop: whether that turns is what is asked.
    func live() -> RouteAnswer { .loop { exchange, _ in exchange.reply(.json(200, ["status": "alive"])) } }

    func ready() async throws -> ServerReply {
        let reasons = await engine.readiness()
        guard reasons.isEmpty else {
            throw Problem(
                503, "Not ready: \(reasons.joined(separator: "; ")).", kind: "not-ready",
                headers: [("Retry-After", "1")])
        }
        return .response(.json(200, ["status": "ready"]))
    }

    func metrics(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let isProxied = request.headers.contains { ProxySigns.has($0.name) }
        let isLocal = request.connection.peer?.isLoopback == true && !isProxied
        if !isLocal, try context.caller() != .admin { throw Problem(403, "Only the admin token may do this.") }
        let text = try await MetricsText.of(
            engine, connections: connections.count, reloads: reloads, version: version, lostLogLines: lostLogLines())
        return .response(
            ServerResponse(
                status: 200, headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
                body: Array(text.utf8)))
    }
}
