internal import JobModel
internal import JobStore
package import Logging
internal import NIOHTTP1
private import Synchronization

/// What every request passes first: its id, the Host check, the site check, credentials, the route. Every error becomes a
/// body in the style of its surface.
package final class FrontDoor: Door {
    /// What a manifest says about the door; replaced at a reload together with the routes.
    package struct Settings: Sendable {
        package var hosts: HostCheck
        package var crossOrigin: CrossOrigin
        package var clientAddress: ClientAddress
        /// The largest body, in bytes, of a route that says nothing else.
        package var bodyLimit: Int
        package var publicURL: String?
        let sites: SiteCheck

        package init(
            hosts: HostCheck, corsOrigins: [String], clientAddress: ClientAddress, bodyLimit: Int, publicURL: String?
        ) {
            self.hosts = hosts
            crossOrigin = CrossOrigin(origins: corsOrigins)
            self.clientAddress = clientAddress
            self.bodyLimit = bodyLimit
            self.publicURL = publicURL
            sites = SiteCheck(publicURL: publicURL, origins: corsOrigins)
        }
    }

    /// Never changed: a request takes one reference and sees one manifest.
    private final class Rules: Sendable {
        let routes: RouteTable
        let settings: Settings

        init(routes: RouteTable, settings: Settings) {
            self.routes = routes
            self.settings = settings
        }
    }

    private let rules: Mutex<Rules>
    private let authenticator: any Authenticator
    private let unlistedProxy: UnlistedProxy
    private let ids: RequestIDs
    private let logger: Logger

    package init(
        routes: RouteTable, settings: Settings, authenticator: any Authenticator, seed: UInt64, logger: Logger
    ) {
        rules = Mutex(Rules(routes: routes, settings: settings))
        self.authenticator = authenticator
        ids = RequestIDs(seed: seed)
        unlistedProxy = UnlistedProxy(logger: logger)
        self.logger = logger
    }

    /// - Returns: the former table, to be let go where nobody waits for it: every request passes the lock.
    @discardableResult package func replace(routes: RouteTable, settings: Settings) -> RouteTable {
        let next = Rules(routes: routes, settings: settings)
        return rules.withLock { rules in
            let former = rules
            rules = next
            return former.routes
        }
    }

    package var routes: RouteTable { rules.withLock { $0 }.routes }

    package func open(_ request: ServerRequest) -> Opening {
        let rules = rules.withLock { $0 }
        var opening = opening(request, rules.settings)
        do throws(Problem) {
            let found = try find(request, rules)
            guard let route = found.route else {
                opening.decision = .refused(found.answer ?? ServerResponse(status: 204))
                return opening
            }
            let principal = try principal(request, route.access)
            let context = RouteContext(
                requestID: opening.context.requestID, parameters: found.parameters, client: opening.context.client,
                principal: principal, baseURL: opening.context.baseURL)
            opening.context = context
            let limit = route.bodyLimit ?? rules.settings.bodyLimit
            if let length = request.declaredLength, length > limit { throw Problem.tooLarge(limit) }
            opening.decision = .letIn(try route.open(request, context), bodyLimit: limit)
        } catch {
            opening.decision = .refused(opening.style.errors.response(to: error, requestID: opening.context.requestID))
        }
        return opening
    }

    package func refuse(_ request: ServerRequest, _ problem: Problem) -> Opening {
        var opening = opening(request, rules.withLock { $0 }.settings)
        opening.decision = .refused(opening.style.errors.response(to: problem, requestID: opening.context.requestID))
        return opening
    }

    package func problem(for error: any Error, _ requestID: RequestID) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as StoreError:
            // Too many at once is a caller's matter, like a 429; everything else is the operator's.
            logger.log(
                level: error == .busy ? .debug : .error, "The store failed a request",
                metadata: ["request": "\(requestID)", "error": "\(error)"])
            return EngineProblem.of(error)
        default:
            logger.error("Request failed", metadata: ["request": "\(requestID)", "error": "\(error)"])
            return Problem(503, "The request could not be handled; try again.")
        }
    }

    package func answered(_ style: AnswerStyle, _ requestID: RequestID, status: Int) {
        guard let line = style.line else { return }
        logger.debug(
            "Request",
            metadata: [
                "request": "\(requestID)", "method": "\(line.method)", "path": "\(line.path)",
                "status": "\(status)", "ms": "\((ContinuousClock.now - line.began).milliseconds)",
            ])
    }

    private func opening(_ request: ServerRequest, _ settings: Settings) -> Opening {
        let forwarded = request.carries(.forwardedFor) ? request.headers["x-forwarded-for"] : []
        let isTrusted = settings.clientAddress.isTrusted(request.connection.peer)
        if !forwarded.isEmpty, !isTrusted { unlistedProxy.sent(request.connection.peer) }
        let context = RouteContext(
            requestID: ids.next(), parameters: [],
            client: settings.clientAddress.client(of: request.connection, forwardedFor: forwarded), principal: nil,
            baseURL: Self.baseURL(of: request, settings, isTrusted: isTrusted))
        return Opening(
            decision: .refused(ServerResponse(status: 204)), context: context,
            style: AnswerStyle(
                errors: ErrorStyle(ofPath: request.rawPath), fields: settings.crossOrigin.fields(for: request),
                line: logger.logLevel <= .debug
                    ? .init(method: request.method, path: request.rawPath, began: .now) : nil))
    }

    private static func baseURL(of request: ServerRequest, _ settings: Settings, isTrusted: Bool) -> String? {
        if let url = settings.publicURL { return url }
        guard let host = request.host, !host.isEmpty else { return nil }
        let isSecure =
            isTrusted && request.single("x-forwarded-proto").map { $0.isSameIgnoringASCIICase(as: "https") } == true
        return (isSecure ? "https://" : "http://") + host
    }

    private func principal(_ request: ServerRequest, _ access: Route.Access) throws(Problem) -> Principal? {
        switch (authenticator.credentials(of: request), access) {
        case (.valid(let principal), .open), (.valid(let principal), .account): return principal
        case (.valid(.admin), .admin): return .admin
        case (.valid, .admin): throw Problem(403, "Only the admin token may do this.")
        case (.missing, .open), (.foreign, .open): return nil
        case (.missing, _): throw .unauthorized("This")
        case (.invalid, _), (.foreign, _): throw Problem.invalidCredentials
        }
    }

    private struct Found {
        /// nil when `answer` says it all.
        var route: Route?
        var parameters: [(name: String, value: String)] = []
        var answer: ServerResponse?
    }

    private func find(_ request: ServerRequest, _ rules: Rules) throws(Problem) -> Found {
        guard rules.settings.hosts.allows(request.host, peer: request.connection.peer) else {
            throw Problem(
                421,
                "This server does not answer to the name in the Host field. Add it to server.hosts in the manifest.")
        }
        try rules.settings.sites.check(request)
        if let route = rules.routes.route(method: request.method, rawPath: request.rawPath) {
            return Found(route: route)
        }
        let segments: [String]?
        do {
            segments = try RequestPath.segments(of: request.rawPath)
        } catch {
            throw Problem(400, "The path is not percent-encoded UTF-8 without control characters.")
        }
        guard let segments else { throw Self.notFound }
        switch rules.routes.match(method: request.method, segments: segments) {
        case .found(let route, let parameters): return Found(route: route, parameters: parameters)
        case .methodNotAllowed(let allowed):
            if let preflight = rules.settings.crossOrigin.preflight(request, allowed: allowed) {
                return Found(answer: preflight)
            }
            let allow = allowed.joined(separator: ", ")
            if request.method == "OPTIONS" {
                return Found(answer: ServerResponse(status: 204, headers: ["Allow": allow]))
            }
            throw Problem(
                405, "\(request.method) is not allowed here; allowed: \(allow).", headers: [("Allow", allow)])
        case .notFound:
            throw Self.notFound
        }
    }

    private static let notFound = Problem(404, "Nothing is found at this path.")
}

extension Problem {
    static func tooLarge(_ limit: Int) -> Problem {
        Problem(
            413, "The body is larger than the \(limit) bytes that are accepted here (server.maxPayload).",
            kind: "too-large")
    }
}
