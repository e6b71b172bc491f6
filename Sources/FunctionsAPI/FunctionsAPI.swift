package import HTTPSupport
package import JobEngine
package import JobModel

/// The function endpoints (CONTRACT 4): asynchronous writes, and the status of each.
package struct FunctionsAPI: Sendable {
    private let basePath: [String]
    private let formerBasePaths: [[String]]
    private let engine: JobEngine
    private let authenticator: any Authenticator
    private let page: StatusPage
    private let webhookSecret: @Sendable (JobID) -> Secret?
    private let status: StatusCalls

    /// - Parameters:
    ///   - formerBasePaths: where endpoints were before: the status URLs that were given out there are still answered.
    ///   - webhookSecret: what signs the webhook of a job without an owner, where its caller is to be told it.
    package init(
        basePath: [String], formerBasePaths: [[String]] = [], engine: JobEngine, authenticator: any Authenticator,
        webhookSecret: @escaping @Sendable (JobID) -> Secret?
    ) {
        self.basePath = basePath
        self.formerBasePaths = formerBasePaths.filter { $0 != basePath }
        self.engine = engine
        self.authenticator = authenticator
        self.webhookSecret = webhookSecret
        page = StatusPage(basePath: basePath, engine: engine)
        status = StatusCalls(engine: engine, page: page)
    }

    /// One route a function, and the status routes, which outlive their functions.
    package func routes(for functions: some Sequence<Function>) -> [Route] {
        let status = status
        let statusRoutes = (formerBasePaths + [basePath]).flatMap { base in
            let pattern = PathPattern(literals: base).appending([
                .parameter("function"), .literal("status"), .parameter("jobId"),
            ])
            return [
                Route(
                    "GET", pattern, .open, StatusCalls.getOperation,
                    opening: { request, context throws(Problem) in try status.get(request, context) }),
                Route("DELETE", pattern, .open, StatusCalls.deleteOperation) { try await status.delete($0, $1) },
            ]
        }
        return statusRoutes + functions.map(route)
    }

    private func route(for function: Function) -> Route {
        let accept = AcceptCall(
            function: function, engine: engine, page: page, reply: AcceptedReply(page, function, webhookSecret),
            isCredential: { [authenticator] in authenticator.mentionsCredential($0) })
        return Route(
            function.endpoint.method, PathPattern(literals: basePath).appending(function.endpoint.path.segments),
            function.endpoint.authentication == .required ? .account : .open, AcceptCall.operation(of: function),
            opening: { request, context throws(Problem) in try accept.open(request, context) })
    }
}
