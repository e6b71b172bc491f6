internal import JobModel
internal import JobStore
internal import Logging
private import Synchronization
internal import Timing
internal import WebhookDelivery

/// The one place where outcomes are written.
final class Recorder: Sendable {
    private let store: any JobStore
    private let plan: SettlementPlan
    private let clock: any EngineClock
    private let announcer: Announcer
    private let counters: QueueCounters
    private let metrics: EngineMetrics
    private let deliveries: Deliveries
    private let logger: Logger
    /// Longest pause between two tries of a write: the disk may have room again, or the server is told to stop.
    private static let longestPause = Duration.seconds(2)
    /// A shutdown waits so long for a store that cannot write.
    private static let drainMilliseconds: Int64 = 3000

    /// Milliseconds of the monotonic clock: from then on a write is tried once.
    private let patience = Atomic(Int64.max)

    init(
        store: any JobStore, deployment: CurrentDeployment, clock: any EngineClock, random: RandomSource,
        announcer: Announcer, counters: QueueCounters, metrics: EngineMetrics, deliveries: Deliveries,
        logger: Logger
    ) {
        self.store = store
        plan = SettlementPlan(deployment: deployment, random: random, redirects: RedirectPlan(logger: logger))
        self.clock = clock
        self.announcer = announcer
        self.counters = counters
        self.metrics = metrics
        self.deliveries = deliveries
        self.logger = logger
    }

    /// Writes what became of attempts that nobody runs any more, and tells those who wait.
    ///
    /// - Returns: when each job that went back to the queue is due; nil where it ended or was settled by others.
    func record(_ entries: [EndedAttempt]) async throws(StoreError) -> [Timestamp?] {
        let unread = plan.unread(entries.lazy.map { ($0.live, $0.function) })
        let read = unread.isEmpty ? [:] : try await read(unread)
        let settlements = entries.map { plan.settlement(of: $0, read: read[$0.live.job.id]) }
        return tell(entries, settlements, try await store.settle(settlements))
    }

    /// What is written of a job that was claimed whole.
    func settlement(of entry: EndedAttempt) -> Settlement { plan.settlement(of: entry, read: nil) }

    /// Writes completions, however long the store takes for that.
    ///
    /// - Returns: as `record`.
    func write(_ completions: [Completion]) async -> [Timestamp?] {
        let settlements = completions.map(\.settlement)
        let results = await insisting("Cannot write results", jobs: completions.count) { () throws(StoreError) in
            try await self.store.settle(settlements)
        }
        guard let results else { return completions.map { _ in nil } }
        return tell(completions.map(\.entry), settlements, results)
    }

    /// Tells those who wait what has been written.
    ///
    /// - Returns: as `record`.
    func tell(
        _ entries: [EndedAttempt], _ settlements: [Settlement], _ results: [SettleResult]
    ) -> [Timestamp?] {
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

    private func read(_ ids: [JobID]) async throws(StoreError) -> [JobID: Job] {
        var jobs: [JobID: Job] = [:]
        for case .found(let found) in try await store.fetch(ids, including: .payload) { jobs[found.job.id] = found.job }
        return jobs
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
        _ = await insisting("Cannot give jobs back", jobs: jobs.count) { () throws(StoreError) in
            try await self.store.settle(settlements)
        }
        announcer.announce(jobs.map(\.live.job.id))
    }

    /// Ends jobs that are not running: cancelled, or past their `maxWait`.
    ///
    /// What has started meanwhile stays as it is.
    func end(_ jobs: [LiveJob], as ending: Ending, error: String?) async throws(StoreError) {
        let unread = plan.unread(jobs.lazy.map { ($0, nil) })
        let read = unread.isEmpty ? [:] : try await read(unread)
        let now = clock.now()
        let settlements = jobs.map { plan.settlement(of: $0, as: ending, error: error, read: read[$0.job.id], at: now) }
        let results = try await store.settle(settlements)
        if settlements.contains(where: { !$0.deliveries.isEmpty }) { deliveries.wake() }
        for (job, result) in zip(jobs, results) where result == .settled {
            noteEnd(job, ending, error: error)
        }
        announcer.announce(jobs.map(\.job.id))
    }

    /// A shutdown has begun: what the store cannot write soon is left to the restart, which takes up the attempt.
    func beginDraining() { patience.store(clock.now().monotonic + Self.drainMilliseconds, ordering: .relaxed) }

    /// A shutdown waits no longer for a store that cannot write.
    func giveUp() { patience.store(.min, ordering: .relaxed) }

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
            }
            let now = clock.now().monotonic
            let limit = patience.load(ordering: .relaxed)
            guard now < limit else { return nil }
            do {
                try await clock.sleep(untilMonotonic: min(now + pause.milliseconds, limit))
            } catch {
                return nil
            }
            pause = min(pause * 2, Self.longestPause)
        }
    }

    private func note(_ entry: EndedAttempt, _ settlement: Settlement) -> Timestamp? {
        let function = entry.live.job.function
        if case .lost = entry.outcome { metrics.update(function) { $0.lost += 1 } }
        switch settlement.change {
        case .queue(let due, _):
            counters.move(entry.live.job, from: entry.live.state, to: .queued)
            if settlement.attempt != nil {
                metrics.update(function) { $0.retried += 1 }
                logger.debug(
                    "Attempt failed",
                    metadata: [
                        "job": "\(entry.live.job.id)", "function": "\(function)",
                        "attempt": "\(entry.live.progress.attempt)", "next": "\(entry.endedAt.wallTime(of: due))",
                        "error": "\(settlement.progress.lastError ?? "")",
                    ])
            }
            return due
        case .wait:
            counters.move(entry.live.job, from: entry.live.state, to: .waiting)
            return nil
        case .end(let ending, _, _, _):
            noteEnd(entry.live, ending, error: settlement.progress.lastError)
            return nil
        }
    }

    private func noteEnd(_ live: LiveJob, _ ending: Ending, error: String? = nil) {
        counters.move(live.job, from: live.state, to: nil)
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
