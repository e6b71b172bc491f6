internal import Dispatching
package import JobModel
package import JobStore

/// Why a job is not running.
package enum WaitReason: Equatable, Sendable {
    /// Scheduled, or pausing after its attempt of this number.
    case notDue(until: Timestamp, afterAttempt: Int)
    case functionMissing
    case pausedByManifest
    case pausedByOperator
    case shuttingDown
    case slotsTaken(max: Int)
    /// As many attempts of its function run as one function may have.
    case functionBusy(max: Int)
    /// As many attempts of its caller, who has no credentials, run as `anonymous.concurrency` allows.
    case callerConcurrency(max: Int)
    /// As many attempts with its key run as `concurrency` allows.
    case concurrency
    /// As many attempts of its account run as `accounts.concurrency` allows.
    case accountConcurrency(max: Int)
    /// `throttle` lets the next one with its key start then.
    case throttle(until: Timestamp)
    /// Its target has not answered for some time; one attempt tries it then, or tries it now.
    case targetSilent(target: String, until: Timestamp?)
    /// As many attempts at its target run as one target may have.
    case targetBusy(target: String, max: Int)
    /// Crashes have cut off two of its attempts, so it waits until nothing else runs, and at most until then.
    case suspect(until: Timestamp?)
    /// Starts are held back for such a job, at most until then.
    case held(until: Timestamp)
    /// Due jobs of the same function and caller that come before it by priority and due time, at least so many.
    case behind(count: Int)
}

extension JobEngine {
    /// Every reason that holds now; empty when the job runs, has ended, or starts at once.
    package func explain(_ job: JobSnapshot) async throws(StoreError) -> [WaitReason] {
        guard job.state == .queued else { return [] }
        let now = clock.now()
        var reasons: [WaitReason] = []
        if job.runAt > now.wall { reasons.append(.notDue(until: job.runAt, afterAttempt: job.progress.attempt)) }
        let deployment = deployment.value
        guard let function = deployment.policy(for: job.job)?.declared else { return reasons + [.functionMissing] }
        if function.paused { reasons.append(.pausedByManifest) }
        if paused.contains(function.name) { reasons.append(.pausedByOperator) }
        if dispatcher.isDraining { reasons.append(.shuttingDown) }
        if counters.total(of: .everybody).running >= deployment.concurrency {
            reasons.append(.slotsTaken(max: deployment.concurrency))
        }
        for obstacle in dispatcher.obstacles(function.name, LimitKeys.of(job.job, function, job.progress), at: now) {
            switch obstacle {
            case .function(let limit): reasons.append(.functionBusy(max: limit))
            case .account: reasons.append(.accountConcurrency(max: deployment.accountConcurrency))
            case .caller: reasons.append(.callerConcurrency(max: deployment.anonymous.concurrency))
            case .targetBusy(let limit): reasons.append(.targetBusy(target: function.target ?? "", max: limit))
            case .targetSilent(let until):
                reasons.append(.targetSilent(target: function.target ?? "", until: until.map { Self.wall($0, now) }))
            case .concurrency: reasons.append(.concurrency)
            case .throttle(let until): reasons.append(.throttle(until: Self.wall(until, now)))
            case .suspect(let until): reasons.append(.suspect(until: until.map { Self.wall($0, now) }))
            case .held(let until): reasons.append(.held(until: Self.wall(until, now)))
            }
        }
        if job.runAt <= now.wall {
            let before = try await store.countAhead(of: job.job.id, limit: Limits.jobsAhead, at: now.steady)
            if before > 0 { reasons.append(.behind(count: before)) }
        }
        return reasons
    }

    /// - Parameter time: in nanoseconds of the monotonic clock.
    private static func wall(_ time: Int64, _ now: Moment) -> Timestamp {
        now.wall + .milliseconds(time / 1_000_000 - now.monotonic)
    }
}
