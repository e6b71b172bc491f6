package import HTTPSupport
package import JobEngine
private import JobModel
private import PayloadSchema

/// `/livez` and `/readyz` (CONTRACT 8).
package struct OperationsAPI: Sendable {
    private let engine: JobEngine

    package init(engine: JobEngine) {
        self.engine = engine
    }

    package var routes: [Route] {
        let engine = engine
        return [
            Route("GET", PathPattern(literals: ["livez"])) { _, _ in
                .response(.json(200, ["status": "alive"]))
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
