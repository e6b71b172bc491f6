package import JobModel

/// How many rows a prune has removed.
package struct PruneResult: Equatable, Sendable {
    package var jobs: Int
    package var tombstones: Int
    /// Idempotency keys and rate windows.
    package var keys: Int

    package init(jobs: Int, tombstones: Int, keys: Int) {
        self.jobs = jobs
        self.tombstones = tombstones
        self.keys = keys
    }

    package var total: Int { jobs + tombstones + keys }
}
