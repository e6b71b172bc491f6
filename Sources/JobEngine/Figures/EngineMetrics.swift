package import JobModel
private import Synchronization

/// What the engine has done since it started, by function.
package final class EngineMetrics: Sendable {
    package struct Counts: Equatable, Sendable {
        package var accepted: UInt64 = 0
        package var started: UInt64 = 0
        package var completed: UInt64 = 0
        package var failed: UInt64 = 0
        package var timedOut: UInt64 = 0
        package var cancelled: UInt64 = 0
        /// Attempts that failed and were followed by another.
        package var retried: UInt64 = 0
        /// Attempts that a crash cut off.
        package var lost: UInt64 = 0
        /// Results that came after somebody else's.
        package var stale: UInt64 = 0
        package var refused: [Refused: UInt64] = [:]
        /// From the due time to the start.
        package var waitSeconds = Histogram.seconds
        package var attemptSeconds = Histogram.seconds
        package var attemptTimes = AttemptTimes()

        package init() {}
    }

    /// Why a call of a known function was not accepted.
    package enum Refused: String, CaseIterable, Sendable {
        case invalidJSON = "invalid_json"
        case idempotencyConflict = "idempotency_conflict"
        case rateLimit = "rate_limit"
        case queueFull = "queue_full"
        case startTooLate = "start_too_late"
        case storeUnavailable = "store_unavailable"
        case diskLow = "disk_low"
    }

    private let counts = Mutex<[String: Counts]>([:])

    package init() {}

    func update(_ function: String, _ change: (inout Counts) -> Void) {
        counts.withLock { change(&$0[function, default: Counts()]) }
    }

    package var all: [String: Counts] { counts.withLock { $0 } }
}
