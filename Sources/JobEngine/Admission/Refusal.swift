package import JobStore
package import PayloadSchema

/// Why a call was not accepted.
package enum Refusal: Error, Equatable, Sendable {
    case unknownFunction
    case invalidJSON(JSONError)
    case idempotencyConflict
    /// A `rateLimit` is used up.
    case rateLimited(RateStatus)
    case queueFull(QueueFull)
    /// Further ahead than 30 days.
    case startTooLate
    /// A longer delay than `anonymous.maxDelay`, without credentials.
    case delayTooLong(Duration)
    case storeUnavailable(StoreError)
    /// Less disk space than `server.minFreeSpace` wants.
    case lowSpace(LowSpace)
}

extension Refusal {
    /// nil for a function that nobody declared: names from outside are no labels.
    var metric: EngineMetrics.Refused? {
        switch self {
        case .unknownFunction: nil
        case .invalidJSON: .invalidJSON
        case .idempotencyConflict: .idempotencyConflict
        case .rateLimited: .rateLimit
        case .queueFull: .queueFull
        case .startTooLate, .delayTooLong: .startTooLate
        case .lowSpace: .diskLow
        case .storeUnavailable: .storeUnavailable
        }
    }
}
