package import JobModel
package import JobStore
internal import WebhookDelivery

/// Everything that the engine counts, at one moment: what the operator's metrics show.
package struct EngineFigures: Sendable {
    package var revision: String
    /// Attempts that may run at once.
    package var slots: Int
    /// Since the server started, by function.
    package var functions: [String: EngineMetrics.Counts]
    /// Live jobs, by function.
    package var queues: [String: QueueCounters.Gauge]
    /// How long the first queued job of a function has been due, in seconds; below 0 while it is due later.
    package var oldestDueSeconds: [String: Double]
    package var store: StoreStatistics
    /// Targets that do not answer.
    package var silentTargets: Int
    /// Claimed jobs that went back without having started.
    package var claimsGivenBack: Int
    /// How often starts were held back for a job that two crashes have cut off.
    package var startHolds: UInt64
    /// The longest time that the dispatcher's lock was held, in seconds.
    package var longestHold: Double
    package var webhooks: Webhooks
    /// Requests held until a job changes.
    package var waiters: Int
    /// Bytes of the data's file system that are free; nil when nobody knows.
    package var freeBytes: Int64?

    /// Webhooks since the server started, but for the pending ones.
    package struct Webhooks: Equatable, Sendable {
        package var delivered: UInt64
        /// Given up.
        package var failed: UInt64
        /// Attempts that are followed by another.
        package var retried: UInt64
        /// Neither arrived nor given up, now.
        package var pending: Int
    }
}

extension JobEngine {
    package func figures() async throws(StoreError) -> EngineFigures {
        let now = clock.now().wall
        let deployment = deployment.value
        let webhooks = deliveries.counts
        return EngineFigures(
            revision: deployment.revision, slots: deployment.concurrency, functions: metrics.all,
            queues: counters.all(of: .everybody),
            oldestDueSeconds: try await oldestDue(of: .everybody).mapValues { (now - $0).inSeconds },
            store: store.statistics, silentTargets: dispatcher.silentTargets, claimsGivenBack: dispatcher.givenBack,
            startHolds: dispatcher.startHolds,
            longestHold: dispatcher.longestHold,
            webhooks: EngineFigures.Webhooks(
                delivered: webhooks.delivered, failed: webhooks.failed, retried: webhooks.retried,
                pending: try await store.pendingDeliveries()),
            waiters: announcer.waiterCount, freeBytes: freeSpace.bytes(at: clock.now()))
    }
}
