internal import JobModel
internal import JobStore
internal import Logging
internal import ServiceLifecycle

/// Removes ended jobs past their retention, and in time their tombstones.
package final class Pruner: Service {
    private static let interval: Int64 = 10_000
    /// Small enough to share the writer with accepts.
    private static let batch = 200

    private let store: any JobStore
    private let clock: any EngineClock
    private let logger: Logger

    init(store: any JobStore, clock: any EngineClock, logger: Logger) {
        self.store = store
        self.clock = clock
        self.logger = logger
    }

    package func run() async throws {
        await repeatedly(every: Self.interval, clock: clock) { await self.tick() }
    }

    /// Until nothing is left to remove.
    package func tick() async {
        do {
            var removed = 0
            while !Task.isCancelled {
                let result = try await store.prune(limit: Self.batch, at: clock.now().steady)
                removed += result.jobs
                if result.total == 0 { break }
            }
            if removed > 0 { logger.debug("Removed jobs past their retention", metadata: ["jobs": "\(removed)"]) }
        } catch {
            logger.error("Cannot remove old jobs", metadata: ["error": "\(error)"])
        }
    }
}
