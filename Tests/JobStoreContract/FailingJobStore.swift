package import JobModel
package import JobStore

extension FailingStore {
    package func enqueue(
        _ jobs: [NewJob], at now: Timestamp, then: @escaping @Sendable (Result<[EnqueueResult], StoreError>) -> Void
    ) {
        let fails = fails(.enqueues)
        if fails, failure == .before { return then(.failure(.unavailable("made to fail"))) }
        store.enqueue(jobs, at: now) { result in
            then(fails ? .failure(.unavailable("made to fail after the work")) : result)
        }
    }

    package func recall(_ key: IdempotencyKey, at now: Timestamp) async throws(StoreError) -> EnqueueResult? {
        try await call { () async throws(StoreError) in try await store.recall(key, at: now) }
    }

    package func claim(_ batch: ClaimBatch) async throws(StoreError) -> [ClaimedLane] {
        try await call(.claims) { () async throws(StoreError) in
            let answers = try await store.claim(batch)
            await claimHook()
            return answers
        }
    }

    package func settle(
        _ batch: @escaping @Sendable () -> SettleBatch
    ) async throws(StoreError) -> (results: [SettleResult], claimed: [ClaimedLane]) {
        try await call(.settlements) { () async throws(StoreError) in
            await hooks.before()
            let done = try await store.settle(batch)
            await hooks.after()
            return done
        }
    }

    package func retry(_ requests: [RetryRequest], at now: Timestamp) async throws(StoreError) -> [RetryResult] {
        try await call { () async throws(StoreError) in try await store.retry(requests, at: now) }
    }

    package func fetch(_ ids: [JobID], including parts: JobParts) async throws(StoreError) -> [JobLookup] {
        try await call(.fetches) { () async throws(StoreError) in try await store.fetch(ids, including: parts) }
    }

    package func look(
        at id: JobID, including parts: JobParts, upTo bytes: Int
    ) throws(StoreError) -> JobLookup? { try store.look(at: id, including: parts, upTo: bytes) }

    package func end(of run: Int, _ id: JobID) async throws(StoreError) -> JobSnapshot? {
        try await call { () async throws(StoreError) in try await store.end(of: run, id) }
    }

    package func abandoned(limit: Int) async throws(StoreError) -> [LiveJob] {
        try await call { () async throws(StoreError) in try await store.abandoned(limit: limit) }
    }

    package func held(after cursor: Int64?, limit: Int) async throws(StoreError) -> [HeldLease] {
        try await call { () async throws(StoreError) in try await store.held(after: cursor, limit: limit) }
    }

    package func running(under leases: [HeldLease]) async throws(StoreError) -> [LiveJob] {
        try await call { () async throws(StoreError) in try await store.running(under: leases) }
    }

    package func overdue(limit: Int, at now: Timestamp) async throws(StoreError) -> [LiveJob] {
        try await call { () async throws(StoreError) in try await store.overdue(limit: limit, at: now) }
    }

    package func prune(limit: Int, at now: Timestamp) async throws(StoreError) -> PruneResult {
        try await call { () async throws(StoreError) in try await store.prune(limit: limit, at: now) }
    }

    package func probe() async throws(StoreError) {
        try await call { () async throws(StoreError) in try await store.probe() }
    }

    package var statistics: StoreStatistics { store.statistics }

    package func close() async { await store.close() }
}
