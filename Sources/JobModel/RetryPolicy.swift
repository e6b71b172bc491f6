/// How often a function is tried, and how long Sluice waits in between (CONTRACT 3, `retry`).
package struct RetryPolicy: Equatable, Sendable {
    package enum Backoff: String, CaseIterable, Sendable { case fixed, linear, exponential }
    package enum Jitter: String, CaseIterable, Sendable { case none, equal, full }

    /// Tries of one run, the first included; at least 1.
    package var attempts = 4
    package var backoff = Backoff.exponential
    /// Before the second attempt.
    package var delay = Duration.seconds(2)
    /// What each further delay is multiplied by when the backoff is exponential; at least 1.
    package var factor = 2.0
    /// No delay is longer.
    package var maxDelay = Duration.seconds(3600)
    package var jitter = Jitter.full
    /// A table instead of backoff, delay and factor; its last value repeats.
    package var delays: [Duration]?

    package init() {}

    /// The delay after `failures` failed attempts of a run (1 for the one before the second attempt), without jitter.
    package func plannedDelay(afterFailures failures: Int) -> Duration {
        let step = max(1, failures)
        if let delays, let last = delays.last {
            return min(maxDelay, step <= delays.count ? delays[step - 1] : last)
        }
        let seconds: Double =
            switch backoff {
            case .fixed: delay.inSeconds
            case .linear: delay.inSeconds * Double(step)
            case .exponential: delay.inSeconds * power(factor, step - 1)
            }
        guard seconds < maxDelay.inSeconds else { return maxDelay }
        return .milliseconds(Int64(seconds * 1000))
    }

    /// The delay with jitter: full is anything from 0 to the planned delay, equal from half of it (AWS Architecture
    /// Blog, "Exponential Backoff and Jitter").
    package func delay(
        afterFailures failures: Int, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let planned = plannedDelay(afterFailures: failures).milliseconds
        guard planned > 0 else { return .zero }
        return switch jitter {
        case .none: .milliseconds(planned)
        case .equal: .milliseconds(Int64.random(in: (planned / 2)...planned, using: &generator))
        case .full: .milliseconds(Int64.random(in: 0...planned, using: &generator))
        }
    }

    /// The delay when the other side has asked for one: never shorter than the policy's, and never longer than a day for the
    /// other side's sake (CONTRACT 3, `honourRetryAfter`).
    package func delay(
        afterFailures failures: Int, atLeast asked: Duration?, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        max(delay(afterFailures: failures, using: &generator), min(asked ?? .zero, Limits.retryAfter))
    }

    /// base^exponent by repeated multiplication, stopping at infinity.
    private func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<exponent where result.isFinite { result *= base }
        return result
    }
}
