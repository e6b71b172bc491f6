package import HTTPSupport
package import JobEngine
package import JobModel
package import Logging

/// The function endpoints (CONTRACT 4): asynchronous writes, and the status of each.
package struct FunctionsAPI: Sendable {
    private let basePath: [String]
    private let formerBasePaths: [[String]]
    private let accept: AcceptCall
    private let status: StatusCalls

    /// - Parameters:
    ///   - formerBasePaths: where endpoints were before: the status URLs that were given out there are still answered.
    ///   - webhookSecret: what signs the webhook of a job without an owner, where its caller is to be told it.
    package init(
        basePath: [String], formerBasePaths: [[String]] = [], engine: JobEngine, authenticator: any Authenticator,
        webhookSecret: @escaping @Sendable (JobID) -> Secret?, logger: Logger
    ) {
        self.basePath = basePath
        self.formerBasePaths = formerBasePaths.filter { $0 != basePath }
        let page = StatusPage(basePath: basePath, engine: engine, logger: logger)
        accept = AcceptCall(
            engine: engine, authenticator: authenticator, page: page, webhookSecret: webhookSecret)
        status = StatusCalls(engine: engine, authenticator: authenticator, page: page)
    }

    /// One route a function, and the status routes, which outlive their functions.
    package func routes(for functions: some Sequence<Function>) -> [Route] {
        let status = status
        let accept = accept
        let statusRoutes = (formerBasePaths + [basePath]).flatMap { base in
            let pattern = PathPattern(literals: base).appending([
                .parameter("function"), .literal("status"), .parameter("jobId"),
            ])
            return [
                Route("GET", pattern) { try await status.get($0, $1) },
                Route("DELETE", pattern) { try await status.delete($0, $1) },
            ]
        }
        return statusRoutes
            + functions.map { function in
                let path = PathPattern(literals: basePath).appending(function.endpoint.path.segments)
                return Route(function.endpoint.method, path) { request, context in
                    try await accept(request, context, function: function)
                }
            }
    }
}
