internal import Dispatching
internal import JobModel
internal import JobStore
internal import Timing
internal import WebhookDelivery

/// What is to be written of outcomes and ends, and with them the webhooks that tell of them.
///
/// Apart from `Recorder` because it never waits: an async function keeps every value that it touches in its frame, and these
/// are ten kilobytes for each attempt.
struct SettlementPlan: Sendable {
    let deployment: CurrentDeployment
    let random: RandomSource
    let redirects: RedirectPlan

    /// Jobs that have to be read before their webhooks and redirects can be made: what was not claimed has no payload here.
    func unread(_ jobs: some Sequence<(live: LiveJob, function: Function?)>) -> [JobID] {
        jobs.compactMap { live, function in
            let function = self.function(of: live, knownAs: function)
            return WebhookPlan.needsJob(live, function) || RedirectPlan.needsJob(live, function) ? live.job.id : nil
        }
    }

    /// - Parameter read: the job, where it was unread.
    func settlement(of entry: EndedAttempt, read: Job?) -> Settlement {
        var generator = SourceGenerator(source: random)
        let decision = Decision.make(
            of: entry.outcome, progress: entry.live.progress, policy: entry.function?.retry ?? RetryPolicy(),
            retriesTimeouts: entry.function?.handler.retriesTimeouts ?? true,
            waitsForSignal: entry.live.job.options.waitsForSignal, now: entry.endedAt.steady, using: &generator)
        let live = entry.live
        let now = entry.endedAt
        let wall = now.wall
        let attempt = decision.result.map { result in
            Attempt(
                number: live.progress.attempt, run: live.progress.run, startedAt: live.startedAt ?? wall,
                completedAt: wall, result: result, statusCode: decision.statusCode ?? entry.exchange?.statusCode,
                error: decision.error, revision: live.revision ?? live.job.revision, exchange: entry.exchange)
        }
        var settlement = Settlement(
            id: live.job.id, lease: live.lease, progress: decision.progress, attempt: attempt,
            change: .queue(at: now.steady))
        switch decision.next {
        case .queue(let due):
            let turnsSuspect = decision.progress.isSuspect && !live.progress.isSuspect
            settlement.change = .queue(at: due, lane: turnsSuspect ? LimitKeys.lane(ofSuspectsFrom: live.lane) : nil)
        case .wait(let answer): settlement.change = .wait(answer)
        case .end(let ending):
            end(live, ending, function(of: live, knownAs: entry.function), &settlement, read, at: now)
        }
        return settlement
    }

    /// The end of a job that is not running.
    func settlement(
        of live: LiveJob, as ending: Ending, error: String?, read: Job?, at now: Moment
    ) -> Settlement {
        var progress = live.progress
        if let error { progress.lastError = error }
        var settlement = Settlement(
            id: live.job.id, lease: nil, progress: progress, attempt: nil, change: .queue(at: now.steady))
        end(live, ending, function(of: live, knownAs: nil), &settlement, read, at: now)
        return settlement
    }

    private func end(
        _ live: LiveJob, _ ending: Ending, _ function: Function?, _ settlement: inout Settlement, _ read: Job?,
        at now: Moment
    ) {
        var ending = ending
        ending.redirect = redirects.end(of: read ?? live.job, ending, function)
        let retention = function?.retention ?? Retention()
        let keepUntil = now.steady + retention.duration(of: ending.state)
        settlement.change = .end(
            ending, at: now.wall, keepUntil: keepUntil, tombstoneUntil: keepUntil + retention.tombstone)
        settlement.deliveries = WebhookPlan.deliveries(
            for: read ?? live.job, function, ending, error: settlement.progress.lastError, at: now.wall)
        settlement.deliveriesDue = now.steady
    }

    /// By the manifest in force now; by the attempt's own where the function is gone.
    private func function(of live: LiveJob, knownAs function: Function?) -> Function? {
        let policy = deployment.policy(for: live.job)
        return policy?.declared ?? function ?? policy?.function
    }
}
