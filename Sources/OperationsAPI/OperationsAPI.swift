package import HTTPSupport
package import JobEngine
private import JobModel
private import NIOHTTP1
private import PayloadSchema

/// `/livez`, `/readyz` and `/metrics` (CONTRACT 8).
package struct OperationsAPI: Sendable {
    private let engine: JobEngine
    private let authenticator: any Authenticator
    private let connections: ConnectionCount
    private let version: String

    package init(
        engine: JobEngine, authenticator: any Authenticator, connections: ConnectionCount, version: String
    ) {
        self.engine = engine
        self.authenticator = authenticator
        self.connections = connections
        self.version = version
    }

    package var routes: [Route] {
        let engine = engine
        let (authenticator, connections, version) = (authenticator, connections, version)
        return [
            Route("GET", PathPattern(literals: ["livez"])) { _, _ in
                .response(.json(200, ["status": "alive"]))
            },
            Route("GET", PathPattern(literals: ["metrics"])) { request, _ in
                // A proxy on this machine speaks for others; most say so. One that does not must keep /metrics to itself.
                let signs = [
                    "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
                ]
                let isProxied = signs.contains { request.headers.contains(name: $0) }
                let isLocal = request.connection.peer?.isLoopback == true && !isProxied
                if !isLocal {
                    guard await authenticator.principal(of: request.headers) == .admin else {
                        throw Problem(
                            401, "Metrics need the admin token from other machines.",
                            headers: [("WWW-Authenticate", "Bearer")])
                    }
                }
                let text = try await MetricsText.of(engine, connections: connections.value, version: version)
                return .response(
                    ServerResponse(
                        status: 200, headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
                        body: Array(text.utf8)))
            },
            Route("GET", PathPattern(literals: ["readyz"])) { _, _ in
                let reasons = await engine.readiness()
                guard reasons.isEmpty else {
                    throw Problem(
                        503, "Not ready: \(reasons.joined(separator: "; ")).", kind: "not-ready",
                        headers: [("Retry-After", "1")])
                }
                return .response(.json(200, ["status": "ready"]))
            },
        ]
    }
}
