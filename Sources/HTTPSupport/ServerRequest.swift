package import NIOHTTP1

/// One request. A route sees it first without its body, which has not been read yet, then whole.
package struct ServerRequest: Sendable {
    /// What is wrong with a request before anybody looked at its path.
    package struct Rejection: Equatable, Sendable {
        package var status: Int
        package var detail: String
    }

    package var method: String
    /// Begins with "/", as it was sent.
    package var rawPath: String
    /// Without the "?"; nil when there is none.
    package var rawQuery: String?
    package let headers: HTTPHeaders
    private let known: KnownField
    /// The authority of an absolute-form target, else the Host field; nil in HTTP/1.0 without one.
    package var host: String?
    package var body: [UInt8]
    /// What Content-Length says; nil without one.
    package var declaredLength: Int?
    /// A body may come in pieces: not to a HEAD, and not over HTTP/1.0, which has no chunks.
    package var mayStream = true
    package let connection: ClientConnection

    package init(
        method: String, rawPath: String, rawQuery: String? = nil, headers: HTTPHeaders = HTTPHeaders(),
        host: String? = nil, body: [UInt8] = [], connection: ClientConnection
    ) {
        self.method = method
        self.rawPath = rawPath
        self.rawQuery = rawQuery
        self.headers = headers
        known = KnownField(of: headers)
        self.host = host
        self.body = body
        self.connection = connection
    }

    /// The one value of a field; nil when it is not there or there twice.
    package func single(_ name: String) -> String? {
        let values = headers[name]
        return values.count == 1 ? values.first : nil
    }

    /// Whether it has a field of this name; most requests have none of them, and looking each up takes time.
    package func carries(_ field: KnownField) -> Bool { known.contains(field) }

    /// Whether bytes of a body may follow its head.
    package var mayHaveBody: Bool { (declaredLength ?? 0) > 0 || carries(.transferEncoding) }
}
