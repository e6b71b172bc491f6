internal import NIOHTTP1
internal import PayloadSchema

/// CORS (fetch.spec.whatwg.org) for the origins of the manifest, exact matches only.
package struct CrossOrigin: Sendable {
    private static let exposed =
        "Location, Retry-After, Preference-Applied, Idempotency-Replayed, Sluice-Job-State, Sluice-Webhook-Secret, "
        + "RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"

    private let origins: Set<MemberName>

    package init(origins: [String]) {
        self.origins = Set(origins.map(MemberName.init))
    }

    /// The answer to a preflight, or nil when the request is none.
    func preflight(_ request: ServerRequest, allowed methods: [String]) -> ServerResponse? {
        guard request.method == "OPTIONS", request.headers.contains(name: "access-control-request-method"),
            let origin = request.single("origin"), origins.contains(MemberName(origin))
        else { return nil }
        var headers: HTTPHeaders = [
            "Access-Control-Allow-Methods": methods.joined(separator: ", "),
            "Access-Control-Max-Age": "600",
        ]
        if let asked = request.single("access-control-request-headers") {
            headers.add(name: "Access-Control-Allow-Headers", value: asked)
        }
        return ServerResponse(status: 204, headers: headers)
    }

    /// Fields that every answer to this request carries.
    func fields(for request: ServerRequest) -> [UInt8] {
        guard !origins.isEmpty else { return [] }
        guard request.carries(.origin), let origin = request.single("origin"), origins.contains(MemberName(origin))
        else {
            return Array("Vary: Origin\r\n".utf8)
        }
        return Array(
            "Vary: Origin\r\nAccess-Control-Allow-Origin: \(origin)\r\nAccess-Control-Expose-Headers: \(Self.exposed)\r\n"
                .utf8)
    }
}
