package import JobModel
package import JobStore

extension JobEngine {
    /// A job as it stands; unknown when it is not for these eyes.
    package func job(
        _ id: JobID, as viewer: Viewer, including parts: JobParts = []
    ) async throws(StoreError) -> JobLookup {
        // Somebody else's job is looked at no longer than one that never was: its payload may be large, and time tells.
        if !parts.isEmpty, let lookup = try store.look(at: id, including: [], upTo: 0),
            visible(lookup, to: viewer) == .unknown
        {
            return .unknown
        }
        return shown(try await store.fetch([id], including: parts).first, to: viewer)
    }

    /// The same without waiting; nil when that cannot be had, or a value or payload that is wanted is longer than 16 KiB.
    package func look(
        at id: JobID, as viewer: Viewer, including parts: JobParts = []
    ) throws(StoreError) -> JobLookup? {
        try store.look(at: id, including: parts, upTo: Limits.lookBytes).map { shown($0, to: viewer) }
    }

    /// The same, with the store's times.
    func lookUp(_ id: JobID, as viewer: Viewer, _ parts: JobParts) async throws(StoreError) -> JobLookup {
        visible(try await store.fetch([id], including: parts).first, to: viewer)
    }

    // Not async, and never inlined into what is: whatever an async function touches stays in its frame, of which ten thousand
    // long polls have one each.

    @inline(never) private func visible(_ lookup: JobLookup?, to viewer: Viewer) -> JobLookup {
        switch lookup {
        case .found(let job)? where viewer.maySee(owner: job.job.owner): .found(job)
        case .purged(let tombstone)? where viewer.maySee(owner: tombstone.owner): .purged(tombstone)
        case .found?, .purged?, .unknown?, nil: .unknown
        }
    }

    @inline(never) private func shown(_ lookup: JobLookup?, to viewer: Viewer) -> JobLookup {
        let lookup = visible(lookup, to: viewer)
        guard case .found(let job) = lookup else { return lookup }
        return .found(job.shown(at: clock.now()))
    }

    /// Every ended attempt of a job, in order.
    package func attempts(of job: JobSnapshot) async throws(StoreError) -> [Attempt] {
        try await store.attempts(of: job.job.id)
    }

    /// What the wall clock shows.
    package var now: Timestamp { clock.now().wall }
}
