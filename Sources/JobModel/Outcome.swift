/// How one attempt ended. Handlers, timeouts, cancellations, shutdown and crashes all end here.
package enum Outcome: Equatable, Sendable {
    /// The JSON text that the attempt produced, and where it sends the client on, when it does.
    case success(value: [UInt8], redirect: String? = nil)
    case failure(Failure)
    /// Ran past the function's timeout.
    case timedOut(after: Duration)
    /// The job's `maxWait` passed while it ran.
    case expired
    /// Cancelled by force.
    case cancelled
    /// Given back by a shutdown: the attempt does not count and keeps no number.
    case released
    /// Cut off by a crash of the server.
    case lost

    /// In one word, for logs.
    package var name: String {
        switch self {
        case .success: "completed"
        case .failure: "failed"
        case .timedOut: "timed out"
        case .expired: "expired"
        case .cancelled: "cancelled"
        case .released: "given back"
        case .lost: "lost"
        }
    }

    package struct Failure: Error, Equatable, Sendable {
        package var error: String
        package var statusCode: Int?
        /// False when trying again cannot help.
        package var retryable: Bool
        /// What the target asked for as the next delay.
        package var retryAfter: Duration?

        package init(error: String, statusCode: Int? = nil, retryable: Bool = true, retryAfter: Duration? = nil) {
            self.error = error
            self.statusCode = statusCode
            self.retryable = retryable
            self.retryAfter = retryAfter
        }
    }
}
