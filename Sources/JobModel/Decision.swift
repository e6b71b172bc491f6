/// What the policy makes of an outcome: the job's progress after it, and where the job goes.
package struct Decision: Equatable, Sendable {
    package enum Next: Equatable, Sendable {
        /// Back to the queue, to start at this time or later.
        case queue(at: Timestamp)
        /// The job waits for a signal; this is what its attempt has answered.
        case wait(Answer)
        case end(Ending)
    }

    package var next: Next
    package var progress: JobProgress
    /// What to keep of the attempt; nil when it does not count.
    package var result: Attempt.Result?
    package var error: String?
    package var statusCode: Int?
}

/// What the attempt of a job that waits for a signal has answered: the job's result, unless the signal brings one.
package struct Answer: Equatable, Sendable {
    /// JSON text.
    package var value: [UInt8]
    /// Where the handler sends the client on.
    package var redirect: String?

    package init(value: [UInt8], redirect: String? = nil) {
        self.value = value
        self.redirect = redirect
    }
}

/// How a run ended.
package struct Ending: Equatable, Sendable {
    /// A terminal state.
    package var state: JobState
    package var failure: FailureKind?
    /// The JSON text of the result, when completed.
    package var value: [UInt8]?
    /// Where the status sends the client on: what the handler said (`passRedirect`), else what the function's template makes
    /// of the job.
    package var redirect: String?

    package init(_ state: JobState, failure: FailureKind? = nil, value: [UInt8]? = nil, redirect: String? = nil) {
        self.state = state
        self.failure = failure
        self.value = value
        self.redirect = redirect
    }
}

extension Decision {
    /// The one rule that turns outcomes into decisions (CONTRACT 2).
    ///
    /// - Parameters:
    ///   - retriesTimeouts: false where an attempt that ran out of time fails the job.
    ///   - waitsForSignal: true where an attempt that succeeded does not end the job yet.
    ///   - progress: before the outcome; `progress.attempt` is the number of the attempt that ended.
    package static func make(
        of outcome: Outcome, progress: JobProgress, policy: RetryPolicy, retriesTimeouts: Bool = true,
        waitsForSignal: Bool = false, now: Timestamp, using generator: inout some RandomNumberGenerator
    ) -> Decision {
        var after = progress
        switch outcome {
        case .success(let value, let redirect):
            after.used += 1
            return Decision(
                next: waitsForSignal
                    ? .wait(Answer(value: value, redirect: redirect))
                    : .end(Ending(.completed, value: value, redirect: redirect)),
                progress: after, result: .completed)

        case .failure(let failure):
            let error = failure.error.limited(toBytes: Limits.errorTextBytes)
            after.used += 1
            after.lastError = error
            return Decision(
                next: failure.retryable
                    ? afterFailure(
                        used: after.used, retryAfter: failure.retryAfter, policy: policy, now: now,
                        using: &generator)
                    : .end(Ending(.failed, failure: .permanent)),
                progress: after, result: .failed, error: error, statusCode: failure.statusCode)

        case .timedOut(let limit):
            let error = "timed out after \(limit.written)"
            after.used += 1
            after.lastError = error
            return Decision(
                next: retriesTimeouts
                    ? afterFailure(used: after.used, retryAfter: nil, policy: policy, now: now, using: &generator)
                    : .end(Ending(.failed, failure: .permanent)),
                progress: after, result: .timeout, error: error)

        case .expired:
            after.used += 1
            after.lastError = Self.expiredError
            return Decision(
                next: .end(Ending(.timeout)), progress: after, result: .expired, error: Self.expiredError)

        case .cancelled:
            after.used += 1
            return Decision(next: .end(Ending(.cancelled)), progress: after, result: .cancelled)

        case .released:
            after.attempt -= 1
            return Decision(next: .queue(at: now), progress: after)

        case .lost:
            after.lost += 1
            let error = "server stopped while it ran"
            guard after.lost >= Limits.lostAttempts else {
                after.lastError = error
                return Decision(next: .queue(at: now), progress: after, result: .lost, error: error)
            }
            after.lastError = "server stopped \(Limits.lostAttempts) times while it ran"
            return Decision(
                next: .end(Ending(.failed, failure: .permanent)), progress: after, result: .lost, error: error)
        }
    }

    /// What a job says that ended because its `maxWait` was over.
    package static let expiredError = "maxWait exceeded"

    private static func afterFailure(
        used: Int, retryAfter: Duration?, policy: RetryPolicy, now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) -> Next {
        guard used < policy.attempts else { return .end(Ending(.failed, failure: .exhausted)) }
        let delay = policy.delay(afterFailures: used, atLeast: retryAfter, using: &generator)
        // The Reclaimer ends the job when its deadline comes; a retry beyond it never starts.
        return .queue(at: now + delay)
    }
}

extension String {
    /// At most so many bytes of UTF-8, cut between characters.
    package func limited(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end.samePosition(in: unicodeScalars) == nil, end > startIndex { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
