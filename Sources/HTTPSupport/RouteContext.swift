/// What the front door found out about a request.
package final class RouteContext: Sendable {
    package let requestID: RequestID
    package let parameters: [(name: String, value: String)]
    package let client: Client
    /// Whom the credentials name; nil without credentials of ours.
    package let principal: Principal?
    /// What absolute URLs of this server begin with: `https://jobs.example.com`. nil when the request names no host.
    package let baseURL: String?

    package init(
        requestID: RequestID, parameters: [(name: String, value: String)], client: Client, principal: Principal?,
        baseURL: String?
    ) {
        self.requestID = requestID
        self.parameters = parameters
        self.client = client
        self.principal = principal
        self.baseURL = baseURL
    }

    package func parameter(_ name: String) -> String? { parameters.first { $0.name == name }?.value }

    /// Who calls, on a route that needs credentials.
    package func caller() throws(Problem) -> Principal {
        guard let principal else { throw .unauthorized("This") }
        return principal
    }
}
