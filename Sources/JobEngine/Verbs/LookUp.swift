package import JobModel
package import JobStore

extension JobEngine {
    /// A job as it stands; unknown when it is not for these eyes.
    package func job(
        _ id: JobID, as viewer: Viewer, including parts: JobParts = []
    ) async throws(StoreError) -> JobLookup {
        let lookup = try await lookUp(id, as: viewer, parts)
        guard case .found(let job) = lookup else { return lookup }
        return .found(job.shown(at: clock.now()))
    }

    /// The one read of a job by its id, with the store's times.
    func lookUp(_ id: JobID, as viewer: Viewer, _ parts: JobParts) async throws(StoreError) -> JobLookup {
        switch try await store.fetch([id], including: parts).first {
        case .found(let job)? where viewer.maySee(owner: job.job.owner): .found(job)
        case .purged(let tombstone)? where viewer.maySee(owner: tombstone.owner): .purged(tombstone)
        case .found?, .purged?, .unknown?, nil: .unknown
        }
    }

    /// Every ended attempt of a job, in order.
    package func attempts(of job: JobSnapshot) async throws(StoreError) -> [Attempt] {
        try await store.attempts(of: job.job.id)
    }

    /// What the wall clock shows.
    package var now: Timestamp { clock.now().wall }
}
