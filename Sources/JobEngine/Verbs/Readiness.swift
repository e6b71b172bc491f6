package import JobModel
package import JobStore

extension JobEngine {
    /// Why the server is not ready; empty when it is: a write has reached the disk within the last second, the dispatcher goes
    /// round, the disk has the space that calls want, nothing is shutting down.
    package func readiness() async -> [String] {
        var reasons: [String] = []
        if dispatcher.isDraining { reasons.append("shutting down") }
        if dispatcher.sinceTick > 10_000 { reasons.append("the dispatcher does not run") }
        let minimum = deployment.value.minFreeSpace
        if let low = freeSpace.refusal(owner: Job.adminOwner, minimum: minimum, at: clock.now()) {
            reasons.append(
                "\(WrittenSize(low.free)) of disk space is free, less than server.minFreeSpace (\(WrittenSize(minimum)))"
            )
        }
        let now = clock.now().monotonic
        if !probes.isFresh(at: now) {
            do {
                try await store.probe()
                probes.succeeded(at: now)
            } catch {
                reasons.append("\(error)")
            }
        }
        return reasons
    }

    /// Whether a shutdown has begun.
    package var isDraining: Bool { dispatcher.isDraining }
}
