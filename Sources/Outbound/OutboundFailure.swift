internal import JobModel

/// Why a request has no whole answer, in our own words: libcurl's name addresses.
package enum OutboundFailure: Error, Equatable, Sendable {
    case invalidURL
    case invalidHeader(name: String)
    /// The policy allows no address of this host. One text for all such cases, so that nobody maps a network with it.
    case forbidden
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
        case .forbidden: "the address is not allowed"
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
        case .notSentTwice: "connection lost: closed by the target when it was used again"
        case .cancelled: "stopped"
        case .other(let code): "the request failed (\(code))"
        }
    }
}
