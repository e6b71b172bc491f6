package import JobModel

/// What a store does for the engine. Verbs of the lifecycle, arrays in and arrays out: a hundred calls with one item
/// and one call with a hundred reach the disk as one commit.
///
/// Every call that changes something returns after the change is durable, or throws with nothing changed. Guards are
/// part of the change: whoever comes late gets a result that says so, never an error.
///
/// Times that are compared with `now` are steady ones (`Moment`); when something was created, started or completed is wall time.
package protocol JobStore: DeliveryStore, ClockStore {
    /// Accepts jobs, or recalls them by their keys. Ids have the time of `createdAt`. Never waits.
    ///
    /// - Parameter then: called exactly once: with a result for each job after the commit, when they survive a power cut, or
    ///   with the error when nothing was accepted. On a thread of the store, or before this returns: it must not block.
    func enqueue(
        _ jobs: [NewJob], at now: Timestamp, then: @escaping @Sendable (Result<[EnqueueResult], StoreError>) -> Void)

    /// What an idempotency key stands for, without changing anything; never `accepted`.
    func recall(_ key: IdempotencyKey, at now: Timestamp) async throws(StoreError) -> EnqueueResult?

    /// Leases due jobs, at most so many of each lane, the highest priority and the longest due first.
    func claim(_ request: ClaimRequest) async throws(StoreError) -> [ClaimAnswer]

    /// Writes what became of attempts, or of queued jobs that ended without one; then claims, in the same commit.
    ///
    /// - Parameter batch: called when the store is about to write, at most once: what has ended by then goes along.
    func settle(
        _ batch: @escaping @Sendable () -> SettleBatch
    ) async throws(StoreError) -> (results: [SettleResult], claimed: [ClaimAnswer])

    /// Opens the next run of ended jobs.
    func retry(_ requests: [RetryRequest], at now: Timestamp) async throws(StoreError) -> [RetryResult]

    func fetch(_ ids: [JobID], including parts: JobParts) async throws(StoreError) -> [JobLookup]

    /// The job with its payload and value as one of its runs left it; nil when that run has not ended, or is not there.
    func end(of run: Int, _ id: JobID) async throws(StoreError) -> JobSnapshot?

    /// Jobs that match, by id, `newestFirst` or not, after the row `cursor`. At a bound the page is short, or empty, and has a
    /// next; each page looks at one more job at least.
    func list(
        _ filter: JobFilter, after cursor: Int64?, newestFirst: Bool, limit: Int, including parts: JobParts,
        within bounds: ReadBounds, at now: Timestamp
    ) async throws(StoreError) -> JobPage

    /// Counts the jobs that match: exactly, unless the filter has times or a long queue must be walked and the time is up.
    func count(_ filter: JobFilter, within bounds: ReadBounds, at now: Timestamp) async throws(StoreError) -> JobCount

    /// Every ended attempt of each job, in order. At a bound it ends after a job, so the answer may be shorter than `ids`; the
    /// first job is always there, its attempts past the bytes without what their target answered.
    func attempts(of ids: [JobID], within bounds: ReadBounds) async throws(StoreError) -> [[Attempt]]

    /// How many due jobs of the same function and caller come before a queued job. Looks at `limit` of them at most: the
    /// answer is a lower bound.
    func countAhead(of id: JobID, limit: Int, at now: Timestamp) async throws(StoreError) -> Int

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

    /// What is queued, running and waiting, by function and owner.
    func backlog() async throws(StoreError) -> [Backlog]

    /// When the first queued job of an account is or was due, by function.
    func oldestDue(of owner: String) async throws(StoreError) -> [String: Timestamp]

    /// How long the final attempts of an account's latest `limit` jobs took, in milliseconds, by function.
    func latestTimes(of owner: String, limit: Int) async throws(StoreError) -> [String: [Int64]]

    /// How many jobs have failed and are still kept, by function.
    ///
    /// - Parameter owner: nil for all accounts.
    func failures(of owner: String?) async throws(StoreError) -> [String: Int]

    /// Lanes of a function with queued jobs, in order, after this one (nil: from the first), with the earliest due time.
    func lanes(of function: String, after lane: Int64?, limit: Int) async throws(StoreError) -> [LaneDue]

    /// What each lane has first: the job that a claim would get.
    func heads(of lanes: [LaneAddress], at now: Timestamp) async throws(StoreError) -> [StoredHead]

    /// Queued jobs of a lane, the earliest due first.
    func queued(in lane: LaneAddress, limit: Int) async throws(StoreError) -> [QueuedJob]

    /// Moves jobs to other lanes, where they are still queued in the one that is named.
    func move(_ moves: [LaneMove]) async throws(StoreError)

    /// Rate windows that are still open.
    func windows(at now: Timestamp) async throws(StoreError) -> [RateWindow]

    /// Functions that were paused by an operator, and the switch.
    func pausedFunctions() async throws(StoreError) -> Set<String>
    func setPaused(_ function: String, _ paused: Bool) async throws(StoreError)

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
        let result = await withCheckedContinuation { continuation in
            enqueue(jobs, at: now) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    package func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        try await settle { SettleBatch(settlements: settlements) }.results
    }

    package func attempts(of id: JobID) async throws(StoreError) -> [Attempt] {
        try await attempts(of: [id], within: .none).first ?? []
    }
}

/// Why a store cannot do its work.
package enum StoreError: Error, Equatable, Sendable {
    /// No space left, or no more allowed; reads go on.
    case full
    /// The disk or the connection failed; nothing was changed, and it may succeed later.
    case unavailable(String)
    /// What was written may not be on the disk, although a later sync succeeds: nothing may be acknowledged any more.
    case syncFailed(String)
    /// It is not a database that this version can use here.
    case unsuitable(String)
    /// What is stored contradicts itself.
    case corrupt(String)
    /// As many reads wait for their turn as may.
    case busy
    case closed
}

extension StoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .full: "the disk is full"
        case .unavailable(let reason), .unsuitable(let reason): reason
        case .syncFailed(let reason): "what was written could not be synced to the disk: \(reason)"
        case .corrupt(let reason): "the database is damaged: \(reason)"
        case .busy: "too many reads wait for their turn"
        case .closed: "the store is closed"
        }
    }
}
