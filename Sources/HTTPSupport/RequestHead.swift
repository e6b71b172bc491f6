internal import JobModel
internal import NIOCore
internal import NIOHTTP1

/// What the head of a request says about its message, after the rules of RFC 9112 that the decoder lets pass.
struct RequestHead {
    var request: ServerRequest
    /// The answer is the connection's last.
    var closes: Bool
    /// The client waits for leave to send its body (RFC 9110, section 10.1.1).
    var expectsContinue = false
    /// What is wrong with it, whatever its path is.
    var rejection: ServerRequest.Rejection?

    init(_ head: HTTPRequestHead, connection: ClientConnection) {
        let isOld = head.version.minor == 0
        request = ServerRequest(
            method: head.method.rawValue, rawPath: "/", headers: Self.trimmed(head.headers), connection: connection)
        request.mayStream = !isOld && head.method != .HEAD
        closes = !head.isKeepAlive || isOld || Self.asksForUpgrade(request)
        rejection = check(head)
    }

    /// Of bytes that are not HTTP.
    init(_ rejection: ServerRequest.Rejection, connection: ClientConnection) {
        request = ServerRequest(method: "GET", rawPath: "/", connection: connection)
        closes = true
        self.rejection = rejection
    }

    /// Another protocol is asked for: the request is answered as if it was not, and the connection closed, for the
    /// decoder does not read on behind it.
    private static func asksForUpgrade(_ request: ServerRequest) -> Bool {
        request.carries(.upgrade)
            || (request.carries(.connection)
                && request.headers[canonicalForm: "connection"].contains { $0.isSameIgnoringASCIICase(as: "upgrade") })
    }

    private mutating func check(_ head: HTTPRequestHead) -> ServerRequest.Rejection? {
        var hosts = 0
        for (name, value) in request.headers {
            switch name.utf8.count {
            case 4 where name.isSameIgnoringASCIICase(as: "host"):
                hosts += 1
                request.host = value
            case 14 where name.isSameIgnoringASCIICase(as: "content-length"):
                guard let length = Int(value) else {
                    return .init(status: 413, detail: "The body is larger than any that is accepted.")
                }
                request.declaredLength = length
            default: break
            }
        }
        if hosts > 1 || (hosts == 0 && head.version.minor > 0) {
            return .init(status: 400, detail: "A request needs exactly one Host field.")
        }
        if request.carries(.transferEncoding) {
            let codings = request.headers["transfer-encoding"]
            if request.declaredLength != nil || request.headers.contains(name: "content-length") {
                return .init(status: 400, detail: "Content-Length and Transfer-Encoding may not come together.")
            }
            guard codings.count == 1, codings[0].isSameIgnoringASCIICase(as: "chunked") else {
                return .init(status: 400, detail: "The only transfer coding that is understood is \"chunked\".")
            }
        }
        if let rejection = splitTarget(head.uri) { return rejection }
        if let host = request.host, !Self.isHost(host) {
            return .init(status: 400, detail: "The Host field does not name a host.")
        }
        if request.carries(.expect) {
            let expectations = request.headers["expect"]
            guard expectations.count == 1, expectations[0].isSameIgnoringASCIICase(as: "100-continue") else {
                return .init(status: 417, detail: "Only \"Expect: 100-continue\" is understood.")
            }
            expectsContinue = head.version.minor > 0
        }
        return nil
    }

    /// White space around a value is not part of it (RFC 9110, section 5.5); the decoder leaves it behind the value.
    private static func trimmed(_ headers: HTTPHeaders) -> HTTPHeaders {
        func isBlank(_ byte: UInt8?) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard headers.contains(where: { isBlank($0.value.utf8.first) || isBlank($0.value.utf8.last) }) else {
            return headers
        }
        return HTTPHeaders(headers.map { ($0.name, RequestFields.trimmed(Substring($0.value))) })
    }

    /// Origin form, or absolute form whose authority replaces Host (RFC 9112, section 3.2).
    private mutating func splitTarget(_ target: String) -> ServerRequest.Rejection? {
        if target.utf8.first == UInt8(ascii: "/"), !target.utf8.contains(where: { $0 == 0x3F || $0 == 0x23 }) {
            request.rawPath = target
            return nil
        }
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

    /// A name or address with or without a port (RFC 9110, section 7.2), without percent signs; empty is allowed.
    private static func isHost(_ host: String) -> Bool {
        host.utf8.allSatisfy { byte in
            switch UnicodeScalar(byte) {
            case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_", "~", ":", "[", "]": true
            default: false
            }
        }
    }
}
