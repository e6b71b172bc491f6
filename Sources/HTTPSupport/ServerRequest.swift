package import NIOCore
package import NIOHTTP1

/// One request, whole.
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
    package var headers: HTTPHeaders
    /// The authority of an absolute-form target, else the Host field; nil in HTTP/1.0 without one.
    package var host: String?
    package var body: ByteBuffer
    /// The body was longer than the limit and is not there.
    package var bodyTooLarge = false
    package var rejection: Rejection?
    /// A body may come in pieces: not to a HEAD, and not over HTTP/1.0, which has no chunks.
    package var mayStream = true
    package let connection: ClientConnection

    package init(
        method: String, rawPath: String, rawQuery: String? = nil, headers: HTTPHeaders = HTTPHeaders(),
        host: String? = nil, body: ByteBuffer = ByteBuffer(), rejection: Rejection? = nil, connection: ClientConnection
    ) {
        self.method = method
        self.rawPath = rawPath
        self.rawQuery = rawQuery
        self.headers = headers
        self.host = host
        self.body = body
        self.rejection = rejection
        self.connection = connection
    }

    /// The one value of a field; nil when it is not there or there twice.
    package func single(_ name: String) -> String? {
        let values = headers[name]
        return values.count == 1 ? values.first : nil
    }
}
