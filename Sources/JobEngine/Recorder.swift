internal import JobModel
internal import JobStore
internal import Logging
private import Synchronization

/// The one place where outcomes are written.
final class Recorder: Sendable {
    private let store: any JobStore
    private let deployment: CurrentDeployment
    private let clock: any EngineClock
    private let random: RandomSource
    private let announcer: Announcer
    private let gauges: FunctionGauges
    private let metrics: EngineMetrics
    private let deliveries: Deliveries
    private let logger: Logger
    private let gaveUp = Atomic(false)

    init(
        store: any JobStore, deployment: CurrentDeployment, clock: any EngineClock, random: RandomSource,
        announcer: Announcer, gauges: FunctionGauges, metrics: EngineMetrics, deliveries: Deliveries,
        logger: Logger
    ) {
        self.store = store
        self.deployment = deployment
        self.clock = clock
        self.random = random
        self.announcer = announcer
        self.gauges = gauges
        self.metrics = metrics
        self.deliveries = deliveries
        self.logger = logger
    }

    /// Outcomes to be written together, each with the function whose policy decides.
    struct Entry: Sendable {
        var live: LiveJob
        var outcome: Outcome
        /// As the attempt knew it; nil when the function is gone.
        var function: Function?
        var exchange: Exchange?
    }

    /// Writes what became of attempts and tells those who wait. Goes on trying while the store cannot write: an
    /// outcome is not given up.
    ///
    /// - Returns: when each job that went back to the queue is due; nil where it ended or was settled by others.
    @discardableResult func record(_ entries: [Entry]) async -> [Timestamp?] {
        let now = clock.now().wall
        var generator = SourceGenerator(source: random)
        var settlements: [Settlement] = []
        for entry in entries {
            let decision = Decision.make(
                of: entry.outcome, progress: entry.live.progress, policy: entry.function?.retry ?? RetryPolicy(),
                retriesTimeouts: entry.function?.handler.retriesTimeouts ?? true, now: now, using: &generator)
            let settlement = await insisting("Cannot read a job whose webhook needs it", jobs: 1) {
                () throws(StoreError) in
                try await self.settlement(of: entry, decision: decision, now: now)
            }
            guard let settlement else { return entries.map { _ in nil } }
            settlements.append(settlement)
        }
        guard let results = await write(settlements) else { return entries.map { _ in nil } }
        announcer.announce(entries.map(\.live.job.id))
        if settlements.contains(where: { !$0.deliveries.isEmpty }) { deliveries.wake() }
        return zip(zip(entries, settlements), results).map { pair, result in
            guard result == .settled else {
                metrics.update(pair.0.live.job.function) { $0.stale += 1 }
                logger.debug("Result came too late", metadata: ["job": "\(pair.0.live.job.id)"])
                return nil
            }
            return note(pair.0, pair.1)
        }
    }

    /// Puts claimed jobs back that did not start, each into this lane, as if they had not been claimed.
    func giveBack(_ jobs: [(live: LiveJob, lane: Int64)]) async {
        let settlements = jobs.map { live, lane in
            var progress = live.progress
            progress.attempt -= 1
            return Settlement(
                id: live.job.id, lease: live.lease, progress: progress, attempt: nil,
                change: .queue(at: live.due, lane: lane))
        }
        _ = await write(settlements)
    }

    /// Ends jobs that are not running: cancelled, or past their `maxWait`.
    ///
    /// What has started meanwhile stays as it is.
    func end(_ jobs: [LiveJob], as ending: Ending, error: String?) async throws(StoreError) {
        var settlements: [Settlement] = []
        for job in jobs { settlements.append(try await endSettlement(job, as: ending, error: error)) }
        let results = try await store.settle(settlements)
        if settlements.contains(where: { !$0.deliveries.isEmpty }) { deliveries.wake() }
        for (job, result) in zip(jobs, results) where result == .settled {
            noteEnd(job, ending, wasRunning: false, error: error)
        }
        announcer.announce(jobs.map(\.job.id))
    }

    private func endSettlement(
        _ job: LiveJob, as ending: Ending, error: String?
    ) async throws(StoreError) -> Settlement {
        let now = clock.now().wall
        var progress = job.progress
        if let error { progress.lastError = error }
        return Settlement(
            id: job.job.id, lease: nil, progress: progress, attempt: nil, change: change(to: ending, of: job, at: now),
            deliveries: try await webhooks(of: job, ending, knownAs: nil, error: progress.lastError, at: now))
    }

    /// By the manifest in force now; by the attempt's own where the function is gone.
    private func webhooks(
        of live: LiveJob, _ ending: Ending, knownAs function: Function?, error: String?, at now: Timestamp
    ) async throws(StoreError) -> [NewDelivery] {
        let function = deployment.function(live.job.function) ?? function ?? deployment.lastKnown(live.job.function)
        var job = live.job
        if WebhookPlan.needsJob(live, function),
            case .found(let found)? = try await store.fetch([job.id], including: .payload).first
        {
            job = found.job
        }
        return WebhookPlan.deliveries(for: job, function, ending, error: error, at: now)
    }

    private func settlement(
        of entry: Entry, decision: Decision, now: Timestamp
    ) async throws(StoreError) -> Settlement {
        let live = entry.live
        let attempt = decision.result.map { result in
            Attempt(
                number: live.progress.attempt, run: live.progress.run, startedAt: live.startedAt ?? now,
                completedAt: now, result: result, statusCode: decision.statusCode ?? entry.exchange?.statusCode,
                error: decision.error, revision: live.revision ?? live.job.revision, exchange: entry.exchange)
        }
        var settlement = Settlement(
            id: live.job.id, lease: live.lease, progress: decision.progress, attempt: attempt, change: .queue(at: now))
        switch decision.next {
        case .queue(let due): settlement.change = .queue(at: due)
        case .end(let ending):
            settlement.change = change(to: ending, of: live, knownAs: entry.function, at: now)
            settlement.deliveries = try await webhooks(
                of: live, ending, knownAs: entry.function, error: decision.progress.lastError, at: now)
        }
        return settlement
    }

    private func change(
        to ending: Ending, of live: LiveJob, knownAs function: Function? = nil, at now: Timestamp
    ) -> Settlement.Change {
        let function = deployment.function(live.job.function) ?? function ?? deployment.lastKnown(live.job.function)
        let retention = function?.retention ?? Retention()
        let keepUntil = now + retention.duration(of: ending.state)
        return .end(ending, at: now, keepUntil: keepUntil, tombstoneUntil: keepUntil + retention.tombstone)
    }

    /// A shutdown waits no longer for a store that cannot write.
    func giveUp() { gaveUp.store(true, ordering: .relaxed) }

    private var hasGivenUp: Bool { gaveUp.load(ordering: .relaxed) }

    private func write(_ settlements: [Settlement]) async -> [SettleResult]? {
        await insisting("Cannot write results", jobs: settlements.count) { () throws(StoreError) in
            try await self.store.settle(settlements)
        }
    }

    /// Goes on trying while the store fails.
    ///
    /// - Returns: nil when the store has closed or fails at a shutdown: then the jobs are still running there, and a restart
    ///   takes them up.
    private func insisting<Result>(
        _ failure: Logger.Message, jobs: Int, _ work: () async throws(StoreError) -> Result
    ) async -> Result? {
        var pause = Duration.milliseconds(50)
        while true {
            do {
                return try await work()
            } catch .closed {
                return nil
            } catch {
                logger.error(failure, metadata: ["error": "\(error)", "jobs": "\(jobs)"])
                guard !hasGivenUp else { return nil }
            }
            do {
                try await clock.sleep(untilMonotonic: clock.now().monotonic + pause.milliseconds)
            } catch {
                return nil
            }
            pause = min(pause * 2, .seconds(5))
        }
    }

    private func note(_ entry: Entry, _ settlement: Settlement) -> Timestamp? {
        let function = entry.live.job.function
        if case .lost = entry.outcome { metrics.update(function) { $0.lost += 1 } }
        switch settlement.change {
        case .queue(let due, _):
            gauges.move(entry.live.job, from: .running, to: .queued)
            if settlement.attempt != nil {
                metrics.update(function) { $0.retried += 1 }
                logger.debug(
                    "Attempt failed",
                    metadata: [
                        "job": "\(entry.live.job.id)", "function": "\(function)",
                        "attempt": "\(entry.live.progress.attempt)", "next": "\(due)",
                        "error": "\(settlement.progress.lastError ?? "")",
                    ])
            }
            return due
        case .end(let ending, _, _, _):
            noteEnd(entry.live, ending, wasRunning: true, error: settlement.progress.lastError)
            return nil
        }
    }

    private func noteEnd(_ live: LiveJob, _ ending: Ending, wasRunning: Bool, error: String? = nil) {
        gauges.move(live.job, from: wasRunning ? .running : .queued, to: nil)
        metrics.update(live.job.function) { counts in
            switch ending.state {
            case .completed: counts.completed += 1
            case .failed: counts.failed += 1
            case .timeout: counts.timedOut += 1
            case .cancelled: counts.cancelled += 1
            case .queued, .running, .waiting: break
            }
        }
        guard logger.logLevel <= .info else { return }
        var metadata: Logger.Metadata = [
            "job": "\(live.job.id)", "function": "\(live.job.function)", "state": "\(ending.state)",
            "attempts": "\(live.progress.attempt)",
        ]
        if let error, ending.state != .completed { metadata["error"] = "\(error)" }
        logger.info("Job ended", metadata: metadata)
    }
}
