internal import JobModel
internal import JobStore
internal import Logging
internal import ServiceLifecycle

/// Prolongs the leases of running attempts; one whose lease is gone is stopped, for its result would not count.
package final class LeaseRenewer: Service {
    private let store: any JobStore
    private let dispatcher: Dispatcher
    private let clock: any EngineClock
    private let logger: Logger

    init(store: any JobStore, dispatcher: Dispatcher, clock: any EngineClock, logger: Logger) {
        self.store = store
        self.dispatcher = dispatcher
        self.clock = clock
        self.logger = logger
    }

    package func run() async throws {
        await repeatedly(every: Limits.leaseRenewal.milliseconds, clock: clock) { await self.tick() }
    }

    package func tick() async {
        let attempts = dispatcher.held
        guard !attempts.isEmpty else { return }
        let leases = attempts.map { HeldLease(id: $0.live.job.id, lease: $0.lease) }
        do {
            let held = try await store.renew(leases, for: Limits.lease, at: clock.now())
            for (attempt, isHeld) in zip(attempts, held)
            where !isHeld && dispatcher.isHeld(attempt.live.job.id, attempt.lease) {
                attempt.stop(.release)
            }
        } catch {
            logger.error("Cannot renew leases", metadata: ["error": "\(error)"])
        }
    }
}
