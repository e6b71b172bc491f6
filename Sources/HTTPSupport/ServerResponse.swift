package import NIOHTTP1
package import PayloadSchema

/// One response with its whole body.
package struct ServerResponse: Sendable {
    package var status: Int
    package var headers: HTTPHeaders
    /// Further fields as they go out, each with its line break: what was prepared once for many answers.
    package var fields: [UInt8] = []
    package var body: [UInt8]

    package init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    package static func json(_ status: Int, _ value: JSONValue) -> ServerResponse {
        ServerResponse(status: status, headers: ["Content-Type": "application/json"], body: value.bytes)
    }

    package static func text(_ status: Int, _ text: String) -> ServerResponse {
        ServerResponse(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: Array(text.utf8))
    }
}

/// What a handler answers.
package enum ServerReply: Sendable {
    case response(ServerResponse)
    /// A head, then what the closure writes, until it returns. The body ends with the connection's chunked coding.
    case stream(ServerResponse, @Sendable (StreamWriter) async throws -> Void)
}

/// Writes the pieces of a streamed body; throws when the client is gone.
package struct StreamWriter: Sendable {
    let write: @Sendable ([UInt8]) async throws -> Void

    package func callAsFunction(_ bytes: [UInt8]) async throws { try await write(bytes) }
}
