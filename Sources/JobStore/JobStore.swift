package import JobModel

/// Keeps jobs from their acceptance until they are pruned. Verbs of the lifecycle, arrays in and arrays out: a hundred calls
/// with one item and one call with a hundred reach the disk as one commit. What else an engine asks of a store is in
/// protocols beside this one; see `EngineStore`.
///
/// Every call that changes something returns after the change is durable, or throws with nothing changed. Guards are
/// part of the change: whoever comes late gets a result that says so, never an error.
///
/// Times that are compared with `now` are steady ones (`Moment`); when something was created, started or completed is wall time.
package protocol JobStore: Sendable {
    /// Accepts jobs, or recalls them by their keys. Ids have the time of `createdAt`. Never waits.
    ///
    /// - Parameter then: called exactly once: with a result for each job after the commit, when they survive a power cut, or
    ///   with the error when nothing was accepted. On a thread of the store, or before this returns: it must not block.
    func enqueue(
        _ jobs: [NewJob], at now: Timestamp, then: @escaping @Sendable (Result<[EnqueueResult], StoreError>) -> Void)

    /// What an idempotency key stands for, without changing anything; never `accepted`.
    func recall(_ key: IdempotencyKey, at now: Timestamp) async throws(StoreError) -> EnqueueResult?

    /// Leases due jobs, at most so many of each lane, the highest priority and the longest due first.
    func claim(_ batch: ClaimBatch) async throws(StoreError) -> [ClaimedLane]

    /// Writes what became of attempts, or of queued jobs that ended without one; then claims, in the same commit.
    ///
    /// - Parameter batch: called when the store is about to write, at most once: what has ended by then goes along.
    func settle(
        _ batch: @escaping @Sendable () -> SettleBatch
    ) async throws(StoreError) -> (results: [SettleResult], claimed: [ClaimedLane])

    /// Opens the next run of ended jobs.
    func retry(_ requests: [RetryRequest], at now: Timestamp) async throws(StoreError) -> [RetryResult]

    /// Jobs as they stand, in the order of their ids.
    func fetch(_ ids: [JobID], including parts: JobParts) async throws(StoreError) -> [JobLookup]

    /// One job without waiting: event loops ask. nil when that cannot be had, or when a part of it that is wanted is longer than
    /// so many bytes; `fetch` has it then.
    func look(at id: JobID, including parts: JobParts, upTo bytes: Int) throws(StoreError) -> JobLookup?

    /// The job with its payload and value as one of its runs left it; nil when that run has not ended, or is not there.
    func end(of run: Int, _ id: JobID) async throws(StoreError) -> JobSnapshot?

    /// Running jobs whose lease is void, because its epoch is over: whoever held it is gone.
    ///
    /// Nothing renews the lease of a job. With SQLite an epoch lasts as long as the process; with PostgreSQL it will be a
    /// node's, which renews it in one row for all that it runs.
    func abandoned(limit: Int) async throws(StoreError) -> [LiveJob]

    /// The leases that jobs run under in the present epoch, in the order of the jobs' rows, after the row `cursor`: what this
    /// process should hold. Whoever does not hold one asks for its job with `running`.
    func held(after cursor: Int64?, limit: Int) async throws(StoreError) -> [HeldLease]

    /// The jobs that still run under these leases, without payloads.
    func running(under leases: [HeldLease]) async throws(StoreError) -> [LiveJob]

    /// Queued and waiting jobs whose deadline has passed.
    func overdue(limit: Int, at now: Timestamp) async throws(StoreError) -> [LiveJob]

    /// Removes ended jobs past their retention (leaving tombstones), old tombstones and old idempotency keys.
    func prune(limit: Int, at now: Timestamp) async throws(StoreError) -> PruneResult

    /// Writes something that reaches the disk, and reads it back. Throws while anything is wrong that an operator has to
    /// see to, although calls may still succeed.
    func probe() async throws(StoreError)

    /// What it has done since it was opened.
    var statistics: StoreStatistics { get }

    /// Ends everything under way and gives up the file or the connections.
    func close() async
}

extension JobStore {
    /// As above, for whoever can wait.
    package func enqueue(_ jobs: [NewJob], at now: Timestamp) async throws(StoreError) -> [EnqueueResult] {
        // Resumed once, as `enqueue` promises. A checked one would cost an object for each call.
        let result = await withUnsafeContinuation { continuation in
            enqueue(jobs, at: now) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    package func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        try await settle { SettleBatch(settlements: settlements) }.results
    }
}
