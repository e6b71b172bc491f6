internal import JobModel

/// Why a request has no whole answer, in our own words: libcurl's name addresses.
package enum OutboundFailure: Error, Equatable, Sendable {
    case invalidURL
    case invalidHeader(name: String)
    /// Where not every address is allowed: the host has none, or none that is. One failure for both, or callers could find out
    /// by their URLs which names a network knows.
    case unreachable
    /// Where every address is allowed.
    case nameNotFound
    /// The system's reason, for example `ECONNREFUSED`.
    case notConnected(reason: String)
    case connectTimedOut(after: Duration)
    case timedOut(after: Duration)
    case certificateNotTrusted
    case tlsFailed
    /// Closed or reset before or within the answer.
    case connectionLost(reason: String)
    case notHTTP
    case headTooLarge
    /// Much came, and no end of it: chunk extensions, say, which are not part of the body.
    case endless
    /// A 101: nobody asked for another protocol.
    case protocolSwitched
    /// Where the answer ends is not known.
    case lengthsDiffer
    /// A coding that libcurl does not know, more than one, or a body that is not what its coding says.
    case codingNotDecoded
    /// The connection that was to be used again had died; the request may have arrived and is not sent twice.
    case notSentTwice
    case cancelled
    case other(code: Int)
}

extension OutboundFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidURL: "the URL is not valid"
        case .invalidHeader(let name): "the header \(name) cannot be sent"
        case .unreachable: "the host was not found, or its address is not allowed"
        case .nameNotFound: "the host name was not found"
        case .notConnected(let reason): "connect \(reason)"
        case .connectTimedOut(let limit): "connect timed out after \(limit.written)"
        case .timedOut(let limit): "timed out after \(limit.written)"
        case .certificateNotTrusted: "TLS certificate not trusted"
        case .tlsFailed: "TLS handshake failed"
        case .connectionLost(let reason): "connection lost: \(reason)"
        case .notHTTP: "the answer is not valid HTTP"
        case .headTooLarge:
            "the answer's head is too large: at most \(OutboundLimits.headBytes >> 10) KiB, and 100 KiB a line"
        case .endless:
            "the answer does not come to an end: \(OutboundLimits.wireBytes >> 20) MiB came for a body that is small"
        case .protocolSwitched: "the answer is 101 Switching Protocols, and nobody asked for another protocol"
        case .lengthsDiffer: "the answer is not valid HTTP: it has Content-Lengths that differ"
        case .codingNotDecoded:
            "the answer's coding cannot be decoded: a body may be coded once, whole, with gzip, deflate or br"
        case .notSentTwice: "connection lost: the kept connection was stale, and the request may have arrived"
        case .cancelled: "stopped"
        case .other(let code): "the request failed (\(code))"
        }
    }
}
