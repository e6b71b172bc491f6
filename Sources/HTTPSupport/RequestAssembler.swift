internal import JobModel
internal import NIOCore
internal import NIOHTTP1

/// Puts the parts of one connection's requests together and decides what each is worth. It holds no channel: what to
/// do comes back as actions.
struct RequestAssembler {
    enum Action {
        /// A complete request, or one that is refused already.
        case deliver(ServerRequest)
        /// The client waits for leave to send its body (RFC 9110, section 10.1.1).
        case sendContinue
        case none
    }

    private enum Phase {
        case idle
        case body(ServerRequest)
        /// The rest of a request that has been delivered before its end, and everything behind it.
        case discarding
    }

    private let limits: HTTPLimits
    /// Of the present request.
    private var bodyLimit = 0
    private let connection: ClientConnection
    private var phase = Phase.idle
    /// What was delivered last closes the connection after its answer.
    private(set) var closes = false

    init(limits: HTTPLimits, connection: ClientConnection) {
        self.limits = limits
        self.connection = connection
    }

    var isReadingBody: Bool { if case .body = phase { true } else { false } }

    var isDiscarding: Bool { if case .discarding = phase { true } else { false } }

    mutating func head(_ head: HTTPRequestHead) -> Action {
        guard case .idle = phase else { return .none }
        bodyLimit = limits.body.bytes
        var request = ServerRequest(
            method: head.method.rawValue, rawPath: "/", headers: head.headers, connection: connection)
        request.mayStream = head.version.minor > 0 && head.method != .HEAD
        closes = !head.isKeepAlive || head.version.minor == 0 || Self.asksForUpgrade(head.headers)
        if let rejection = Self.check(head, into: &request) { return refuse(request, rejection) }
        let expects = head.headers["expect"]
        if !expects.isEmpty {
            guard expects.count == 1, expects[0].isSameIgnoringASCIICase(as: "100-continue") else {
                return refuse(request, .init(status: 417, detail: "Only \"Expect: 100-continue\" is understood."))
            }
        }
        if let length = head.headers.first(name: "content-length").flatMap({ Int($0) }), length > bodyLimit {
            return deliverTooLarge(request)
        }
        phase = .body(request)
        return expects.isEmpty || head.version.minor == 0 ? .none : .sendContinue
    }

    mutating func body(_ bytes: ByteBuffer) -> Action {
        guard case .body(var request) = phase else { return .none }
        phase = .idle
        guard request.body.readableBytes + bytes.readableBytes <= bodyLimit else {
            return deliverTooLarge(request)
        }
        var bytes = bytes
        if request.body.readableBytes == 0 { request.body = bytes } else { request.body.writeBuffer(&bytes) }
        phase = .body(request)
        return .none
    }

    mutating func end() -> Action {
        guard case .body(let request) = phase else { return .none }
        phase = closes ? .discarding : .idle
        return .deliver(request)
    }

    /// Whatever else comes is not looked at: the server shuts down.
    mutating func discard() { phase = .discarding }

    /// The bytes are no HTTP, or came too slowly.
    mutating func fail(_ rejection: ServerRequest.Rejection) -> Action {
        if case .discarding = phase { return .none }
        return refuse(ServerRequest(method: "GET", rawPath: "/", connection: connection), rejection)
    }

    private mutating func refuse(_ request: ServerRequest, _ rejection: ServerRequest.Rejection) -> Action {
        var request = request
        request.rejection = rejection
        closes = true
        phase = .discarding
        return .deliver(request)
    }

    private mutating func deliverTooLarge(_ request: ServerRequest) -> Action {
        var request = request
        request.body = ByteBuffer()
        request.bodyTooLarge = true
        closes = true
        phase = .discarding
        return .deliver(request)
    }

    /// Another protocol is asked for: the request is answered as if it was not, and the connection closed, for the
    /// decoder does not read on behind it.
    private static func asksForUpgrade(_ headers: HTTPHeaders) -> Bool {
        headers.contains(name: "upgrade")
            || headers[canonicalForm: "connection"].contains { $0.isSameIgnoringASCIICase(as: "upgrade") }
    }

    /// What the decoder lets through and RFC 9112 does not.
    private static func check(_ head: HTTPRequestHead, into request: inout ServerRequest) -> ServerRequest.Rejection? {
        let hosts = head.headers["host"]
        if hosts.count > 1 || (hosts.isEmpty && head.version.minor > 0) {
            return .init(status: 400, detail: "A request needs exactly one Host field.")
        }
        request.host = hosts.first
        let codings = head.headers["transfer-encoding"]
        if !codings.isEmpty {
            if head.headers.contains(name: "content-length") {
                return .init(status: 400, detail: "Content-Length and Transfer-Encoding may not come together.")
            }
            guard codings.count == 1, codings[0].isSameIgnoringASCIICase(as: "chunked") else {
                return .init(status: 400, detail: "The only transfer coding that is understood is \"chunked\".")
            }
        }
        return splitTarget(head.uri, into: &request)
    }

    /// Origin form, or absolute form whose authority replaces Host (RFC 9112, section 3.2).
    private static func splitTarget(_ target: String, into request: inout ServerRequest) -> ServerRequest.Rejection? {
        var rest = Substring(target)
        if !rest.hasPrefix("/") {
            guard let scheme = HTTPScheme(of: target) else {
                return .init(status: 400, detail: "The request target must be a path that begins with \"/\".")
            }
            rest = Substring(target.utf8.dropFirst(scheme.prefix.utf8.count))
            let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
            request.host = String(rest[..<end])
            rest = rest[end...]
        }
        if let mark = rest.firstIndex(of: "?") {
            request.rawQuery = String(rest[rest.index(after: mark)...])
            rest = rest[..<mark]
        }
        guard !rest.contains("#") else { return .init(status: 400, detail: "The request target has a fragment.") }
        request.rawPath = rest.isEmpty ? "/" : String(rest)
        return nil
    }
}
