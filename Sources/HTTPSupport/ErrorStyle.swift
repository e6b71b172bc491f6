internal import NIOHTTP1
internal import PayloadSchema

/// How errors look is the surface's (CONTRACT 11).
package enum ErrorStyle: Sendable, Equatable {
    /// RFC 9457.
    case problem
    /// `{"success":false,"message":…}`, with `errors` by field where there are some (CONTRACT 6).
    case envelope

    private static let enveloped = ["/api/auth", "/api/jobs"]

    /// By where a request goes, for what is wrong with it may come up before a route is found.
    init(ofPath path: String) {
        let isEnveloped = Self.enveloped.contains { prefix in
            path.utf8.starts(with: prefix.utf8)
                && (path.utf8.count == prefix.utf8.count
                    || path.utf8.dropFirst(prefix.utf8.count).first == UInt8(ascii: "/"))
        }
        self = isEnveloped ? .envelope : .problem
    }

    func response(to problem: Problem, requestID: RequestID) -> ServerResponse {
        switch self {
        case .problem: return problem.response(requestID: requestID)
        case .envelope:
            var object = JSONObject()
            object["success"] = .bool(false)
            object["message"] = .string(problem.detail)
            for (name, value) in problem.extensions where name == "errors" || name == "retryAfter" {
                object[name] = value
            }
            var response = ServerResponse.json(problem.status, .object(object))
            for (name, value) in problem.headers { response.headers.replaceOrAdd(name: name, value: value) }
            return response
        }
    }
}
