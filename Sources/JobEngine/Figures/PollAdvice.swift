package import JobModel
package import JobStore

/// When a client should ask again: the `Retry-After` of a 202.
package struct PollAdvice: Sendable {
    private static let bounds: ClosedRange<Int64> = 1...3600

    let function: Function?
    let gauge: QueueCounters.Gauge
    /// What an attempt has taken lately.
    let attemptSeconds: Double?
    /// Running attempts of all functions.
    let running: Int
    /// Slots for all functions.
    let concurrency: Int

    /// Whole seconds, at least 1, at most an hour unless the manifest says more.
    package func seconds(for job: JobSnapshot, at now: Timestamp) -> Int64 {
        if case .fixed(let duration)? = function?.endpoint.pollAfter { return duration.secondsRoundedUp }
        let expected = attemptSeconds ?? function?.handler.usualSeconds ?? 1
        let seconds: Double =
            switch job.state {
            case .queued where job.runAt > now:
                (job.runAt - now).inSeconds + expected
            case .queued where running < concurrency:
                expected
            case .queued:
                // All slots are taken, and everything queued is taken to be ahead: a late answer is better than a poll
                // for nothing.
                expected * Double(1 + max(0, gauge.queued + gauge.running - 1) / max(1, concurrency))
            case .running:
                expected - max(0, (now - (job.startedAt ?? now)).inSeconds)
            case .waiting, .completed, .failed, .timeout, .cancelled:
                1
            }
        guard seconds < Double(Self.bounds.upperBound) else { return Self.bounds.upperBound }
        return max(Self.bounds.lowerBound, Int64(seconds.rounded(.up)))
    }
}

extension HandlerDeclaration {
    /// What an attempt is expected to take before any has been seen.
    fileprivate var usualSeconds: Double {
        switch self {
        case .builtin(let builtin): builtin.duration.inSeconds
        case .http: 1
        }
    }
}
