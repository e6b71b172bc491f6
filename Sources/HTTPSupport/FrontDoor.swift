internal import JobModel
internal import JobStore
package import Logging
internal import NIOHTTP1
private import Synchronization

/// What every request passes first: its id, the Host check, CORS, the route. Every error becomes a problem body.
package final class FrontDoor: Responder {
    /// What a manifest says about the door; replaced at a reload.
    package struct Settings: Sendable {
        package var hosts: HostCheck
        package var crossOrigin: CrossOrigin
        package var clientAddress: ClientAddress

        package init(hosts: HostCheck, crossOrigin: CrossOrigin, clientAddress: ClientAddress) {
            self.hosts = hosts
            self.crossOrigin = crossOrigin
            self.clientAddress = clientAddress
        }
    }

    private let routes: Routes
    private let settings: Mutex<Settings>
    private let ids: RequestIDs
    private let logger: Logger

    package init(routes: Routes, settings: Settings, seed: UInt64, logger: Logger) {
        self.routes = routes
        self.settings = Mutex(settings)
        ids = RequestIDs(seed: seed)
        self.logger = logger
    }

    package func replace(_ settings: Settings) { self.settings.withLock { $0 = settings } }

    package func respond(to request: ServerRequest) async -> ServerReply {
        let settings = settings.withLock { $0 }
        let id = ids.next()
        let start = logger.logLevel <= .debug ? ContinuousClock.now : nil
        var reply: ServerReply
        do {
            reply = try await answer(request, id: id, settings: settings)
        } catch let problem as Problem {
            reply = .response(problem.response(requestID: id))
        } catch let error as StoreError {
            // Too many at once is a caller's matter, like a 429; everything else is the operator's.
            logger.log(
                level: error == .busy ? .debug : .error, "The store failed a request",
                metadata: ["request": "\(id)", "error": "\(error)"])
            reply = .response(StoreProblem.of(error).response(requestID: id))
        } catch {
            logger.error("Request failed", metadata: ["request": "\(id)", "error": "\(error)"])
            reply = .response(Problem(503, "The request could not be handled; try again.").response(requestID: id))
        }
        switch reply {
        case .response(var response):
            settings.crossOrigin.mark(&response, for: request)
            reply = .response(response)
        case .stream(var head, let body):
            settings.crossOrigin.mark(&head, for: request)
            reply = .stream(head, body)
        }
        if let start { log(request, reply, id, ContinuousClock.now - start) }
        return reply
    }

    private func log(_ request: ServerRequest, _ reply: ServerReply, _ id: String, _ duration: Duration) {
        let status: Int =
            switch reply {
            case .response(let response), .stream(let response, _): response.status
            }
        logger.debug(
            "Request",
            metadata: [
                "request": "\(id)", "method": "\(request.method)", "path": "\(request.rawPath)", "status": "\(status)",
                "ms": "\(duration.milliseconds)",
            ])
    }

    private func answer(_ request: ServerRequest, id: String, settings: Settings) async throws -> ServerReply {
        if let rejection = request.rejection { throw Problem(rejection.status, rejection.detail) }
        guard settings.hosts.allows(request.host) else {
            throw Problem(
                421,
                "This server does not answer to the name in the Host field. Add it to server.hosts in the manifest.")
        }
        let segments: [String]?
        do {
            segments = try RequestPath.segments(of: request.rawPath)
        } catch {
            throw Problem(400, "The path is not percent-encoded UTF-8 without control characters.")
        }
        guard let segments else { throw Self.notFound }
        switch routes.current.match(method: request.method, segments: segments) {
        case .found(let handler, let parameters):
            let peer = request.connection.peer
            let address = settings.clientAddress.of(peer: peer, forwardedFor: request.headers["x-forwarded-for"])
            let context = RouteContext(
                requestID: id, parameters: parameters, clientAddress: address?.description ?? "")
            return try await handler(request, context)
        case .methodNotAllowed(let allowed):
            if let preflight = settings.crossOrigin.preflight(request, allowed: allowed) { return .response(preflight) }
            let allow = allowed.joined(separator: ", ")
            if request.method == "OPTIONS" { return .response(ServerResponse(status: 204, headers: ["Allow": allow])) }
            throw Problem(
                405, "\(request.method) is not allowed here; allowed: \(allow).", headers: [("Allow", allow)])
        case .notFound:
            throw Self.notFound
        }
    }

    private static let notFound = Problem(404, "Nothing is found at this path.")
}

/// Ids to find a request in the log: unique within a process, and most likely beyond.
final class RequestIDs: Sendable {
    private let prefix: String
    private let count = Atomic<UInt64>(0)

    init(seed: UInt64) {
        prefix = String(seed & 0xFFFF_FFFF, radix: 36)
    }

    func next() -> String {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue
        return "\(prefix)-\(String(number, radix: 36))"
    }
}
