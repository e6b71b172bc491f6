internal import JobModel
internal import NIOHTTP1
package import PayloadSchema

/// An error as RFC 9457 `application/problem+json`.
package struct Problem: Error, Sendable {
    package var status: Int
    /// The last part of the problem's URI; nil for what the status says already.
    package var kind: String?
    /// What the status means, unless the kind has a title of its own.
    package var title: String
    package var detail: String
    package var extensions: [(name: String, value: JSONValue)]
    package var headers: [(name: String, value: String)]

    package init(
        _ status: Int, _ detail: String, kind: String? = nil, title: String? = nil,
        extensions: [(name: String, value: JSONValue)] = [], headers: [(name: String, value: String)] = []
    ) {
        self.status = status
        self.kind = kind
        self.title = title ?? HTTPStatus(status).text
        self.detail = detail
        self.extensions = extensions
        self.headers = headers
    }

    /// What was asked for could not be read or written; the details are for the log, not for callers.
    package static let storeUnavailable = Problem(
        503, "The server cannot reach its store now; nothing was changed.", kind: "store-unavailable",
        headers: [("Retry-After", "5")])

    package func response(requestID: RequestID) -> ServerResponse {
        var object = JSONObject()
        // RFC 9457, section 4.2.1: about:blank means that the status code says it all.
        object["type"] = .string(kind.map { "urn:sluice:problem:\($0)" } ?? "about:blank")
        object["title"] = .string(title)
        object["status"] = .integer(status)
        object["detail"] = .string(detail)
        for (name, value) in extensions { object[name] = value }
        object["requestId"] = .string(requestID.description)
        var response = ServerResponse(
            status: status, headers: ["Content-Type": "application/problem+json"],
            body: JSONValue.object(object).bytes)
        for (name, value) in headers { response.headers.replaceOrAdd(name: name, value: value) }
        return response
    }
}
