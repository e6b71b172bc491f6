package import JobModel

/// What answers a request whose head has been let in.
package enum RouteAnswer: Sendable {
    /// On the event loop, with the whole body: at once, or later through the exchange. At most 100 µs of work.
    case loop(@Sendable (HTTPExchange, _ body: [UInt8]) -> Void)
    /// In a task.
    case task(@Sendable (ServerRequest, RouteContext) async throws -> ServerReply)
}

package struct Route: Sendable {
    /// Who may call. Credentials of ours that are not valid are refused everywhere.
    package enum Access: Sendable, Equatable {
        /// Anybody, or the route decides itself.
        case open
        /// Whoever has credentials.
        case account
        case admin
    }

    package var method: String
    package var pattern: PathPattern
    package var access: Access
    package var operation: Operation
    /// The largest body in bytes; nil for the server's `maxPayload`.
    package var bodyLimit: Int?
    /// Decides at the head, before the body is read; runs on the event loop. Its parameters, principal and client are known.
    let open: @Sendable (ServerRequest, RouteContext) throws(Problem) -> RouteAnswer

    /// A route that is answered by an async function.
    package init(
        _ method: String, _ pattern: PathPattern, _ access: Access, _ operation: Operation, bodyLimit: Int? = nil,
        _ handler: @escaping @Sendable (ServerRequest, RouteContext) async throws -> ServerReply
    ) {
        self.init(method, pattern, access, operation, bodyLimit: bodyLimit, opening: { _, _ in .task(handler) })
    }

    /// A route that looks at the head first, or is answered on the event loop.
    package init(
        _ method: String, _ pattern: PathPattern, _ access: Access, _ operation: Operation, bodyLimit: Int? = nil,
        opening open: @escaping @Sendable (ServerRequest, RouteContext) throws(Problem) -> RouteAnswer
    ) {
        self.method = method
        self.pattern = pattern
        self.access = access
        self.operation = operation
        self.bodyLimit = bodyLimit
        self.open = open
    }
}
