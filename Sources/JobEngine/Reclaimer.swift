internal import JobModel
internal import JobStore
internal import Logging
internal import ServiceLifecycle

/// Takes up what nobody finishes: attempts whose lease is void, jobs whose `maxWait` has passed.
package final class Reclaimer: Service {
    private static let interval: Int64 = 500
    private static let batch = 500

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
            while try await expire() == Self.batch {}
        } catch {
            logger.error("Cannot take up abandoned and overdue jobs", metadata: ["error": "\(error)"])
        }
    }

    func reclaimAll() async throws(StoreError) {
        while try await reclaim() == Self.batch {}
    }

    /// Attempts that a crash cut off: lost, and back to the queue or failed for good.
    private func reclaim() async throws(StoreError) -> Int {
        let found = try await store.abandoned(limit: Self.batch, at: clock.now())
        // An attempt that still runs here only has to renew its lease.
        let lost = found.filter { !dispatcher.isRunning($0.job.id) }
        guard !lost.isEmpty else { return 0 }
        logger.warning("Taking up attempts that were cut off", metadata: ["count": "\(lost.count)"])
        let entries = lost.map {
            Recorder.Entry(live: $0, outcome: .lost, function: deployment.function($0.job.function))
        }
        let dues = await recorder.record(entries)
        for (job, due) in zip(lost, dues) {
            if let due { dispatcher.hint(job.job.function, lane: job.lane, due: due) }
        }
        return lost.count
    }

    private func expire() async throws(StoreError) -> Int {
        let found = try await store.overdue(limit: Self.batch, at: clock.now().wall)
        if !found.isEmpty { try await recorder.end(found, as: Ending(.timeout), error: Decision.expiredError) }
        return found.count
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
