internal import Dispatching
internal import JobModel
internal import JobStore
internal import Logging
internal import ServiceLifecycle
private import Synchronization

/// Takes up what nobody finishes: attempts whose lease is void or lost, jobs whose `maxWait` has passed.
package final class Reclaimer: Service {
    private static let interval: Int64 = 500
    /// Leases are compared with what is held here this often, in milliseconds. A lost one is taken up in the second round.
    private static let reconciliation: Int64 = 2000
    private static let batch = 500

    private struct State {
        var unheld = UnheldLeases()
        /// Milliseconds of the monotonic clock.
        var nextRound: Int64 = .min
    }

    private let state = Mutex(State())

    private let store: any JobStore
    private let recorder: Recorder
    private let dispatcher: Dispatcher
    private let deployment: CurrentDeployment
    private let clock: any EngineClock
    private let logger: Logger

    init(
        store: any JobStore, recorder: Recorder, dispatcher: Dispatcher, deployment: CurrentDeployment,
        clock: any EngineClock, logger: Logger
    ) {
        self.store = store
        self.recorder = recorder
        self.dispatcher = dispatcher
        self.deployment = deployment
        self.clock = clock
        self.logger = logger
    }

    package func run() async throws {
        await repeatedly(every: Self.interval, clock: clock) { await self.tick() }
    }

    /// One round; errors of the store are logged, the next round tries again.
    package func tick() async {
        do {
            try await reclaimAll()
            if isTimeToReconcile { try await reconcile() }
            while try await expire() == Self.batch {}
        } catch {
            logger.error("Cannot take up abandoned and overdue jobs", metadata: ["error": "\(error)"])
        }
    }

    func reclaimAll() async throws(StoreError) {
        while try await takeUp(try await store.abandoned(limit: Self.batch)) == Self.batch {}
    }

    private var isTimeToReconcile: Bool {
        let now = clock.now().monotonic
        // During a shutdown an end that cannot be written is left to the next process.
        if dispatcher.isDraining { return false }
        return state.withLock { state in
            guard now >= state.nextRound else { return false }
            state.nextRound = now + Self.reconciliation
            return true
        }
    }

    /// Jobs that run according to the store while nobody here runs them or will: the answer of their claim got lost.
    private func reconcile() async throws(StoreError) {
        let earliestOpen = dispatcher.claims.earliestOpen
        var unheld: [HeldLease] = []
        var cursor: Int64?
        repeat {
            let page = try await store.held(after: cursor, limit: Self.batch)
            unheld += dispatcher.unheld(page)
            cursor = page.count == Self.batch ? page.last?.id.row : nil
        } while cursor != nil
        let latest = dispatcher.claims.latest
        let lost = state.withLock { state in
            state.unheld.round(unheld, earliestOpen: earliestOpen, latest: latest)
        }
        for start in stride(from: 0, to: lost.count, by: Self.batch) {
            let leases = Array(lost[start..<min(lost.count, start + Self.batch)])
            let jobs = try await store.running(under: leases).map { job in
                var job = job
                // It never started here: it is still counted among the queued ones.
                job.state = .queued
                return job
            }
            _ = try await takeUp(jobs)
        }
    }

    /// Attempts that were cut off: lost, and back to the queue or failed for good.
    private func takeUp(_ lost: [LiveJob]) async throws(StoreError) -> Int {
        guard !lost.isEmpty else { return 0 }
        logger.warning("Taking up attempts that were cut off", metadata: ["count": "\(lost.count)"])
        let entries = lost.map {
            EndedAttempt(
                live: $0, outcome: .lost, function: deployment.policy(for: $0.job)?.function, endedAt: clock.now())
        }
        return try await settle(entries) { (entries) throws(StoreError) in
            let dues = try await self.recorder.record(entries)
            for (entry, due) in zip(entries, dues) { if let due { self.hint(entry.live, due) } }
        }
    }

    private func hint(_ job: LiveJob, _ due: Timestamp) {
        var progress = job.progress
        progress.lost += 1
        let turnsSuspect = progress.isSuspect && !job.progress.isSuspect
        let lane = turnsSuspect ? LimitKeys.lane(ofSuspectsFrom: job.lane) : job.lane
        // Of what the job says its payload and parameters are missing here: where keys need them these are others, hash to
        // another lane, and are not taken. A suspect whose keys are known goes first after a restart.
        let keys = deployment.policy(for: job.job)?.declared.map { LimitKeys.of(job.job, $0, progress) }
        dispatcher.hint(job.job.function, lane: lane, keys: keys, due: due)
    }

    private func expire() async throws(StoreError) -> Int {
        let found = try await store.overdue(limit: Self.batch, at: clock.now().steady)
        return try await settle(found) { (jobs) throws(StoreError) in
            try await self.recorder.end(jobs, as: Ending(.timeout), error: Decision.expiredError)
        }
    }

    /// One job that the store cannot read or write does not hold up the others: after a failure each is tried alone, and
    /// those that fail again are left to the next round.
    ///
    /// - Returns: how many were settled; throws when none was.
    private func settle<Item>(
        _ items: [Item], _ work: ([Item]) async throws(StoreError) -> Void
    ) async throws(StoreError) -> Int {
        guard !items.isEmpty else { return 0 }
        do {
            try await work(items)
            return items.count
        } catch {
            guard items.count > 1, error != .closed else { throw error }
        }
        var failures: [StoreError] = []
        for item in items {
            do { try await work([item]) } catch { failures.append(error) }
        }
        guard let failure = failures.first else { return items.count }
        guard failures.count < items.count else { throw failure }
        logger.error(
            "Cannot take up some jobs, trying again",
            metadata: ["jobs": "\(failures.count)", "error": "\(failure)"])
        return items.count - failures.count
    }
}

/// Runs `body` every so many milliseconds until the task is cancelled or the service shuts down.
func repeatedly(every milliseconds: Int64, clock: any EngineClock, _ body: @escaping @Sendable () async -> Void) async {
    await cancelWhenGracefulShutdown {
        while !Task.isCancelled {
            await body()
            try? await clock.sleep(untilMonotonic: clock.now().monotonic + milliseconds)
        }
    }
}
