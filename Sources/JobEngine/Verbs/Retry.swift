internal import Dispatching
package import JobModel
package import JobStore

extension JobEngine {
    /// Opens the next run of a failed, timed out or cancelled job.
    package func retry(_ id: JobID, as viewer: Viewer) async throws(StoreError) -> RetryResult {
        guard case .found(let job) = try await lookUp(id, as: viewer, .payload) else { return .unknown }
        let now = clock.now().steady
        let function = deployment.policy(for: job.job)?.function
        let maxWait = function?.maxWait ?? Duration.seconds(7 * 86_400)
        let keys = function.map { LimitKeys.of(job.job, $0) }
        let lane = keys?.lane ?? 0
        let results = try await store.retry([RetryRequest(id: id, lane: lane, deadline: now + maxWait)], at: now)
        guard let result = results.first else { return .unknown }
        if case .retried = result {
            counters.move(job.job, from: nil, to: .queued)
            announcer.announce([id])
            dispatcher.hint(job.job.function, lane: lane, keys: keys, due: now)
        }
        return result
    }
}
