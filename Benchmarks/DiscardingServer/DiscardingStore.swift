import JobModel
import JobStore
import SQLiteJobStore
import ServerHost
import Synchronization

/// Accepts jobs and forgets them.
final class DiscardingStore: HostedStore {
    private let ids = Mutex(JobIDSequence())

    func enqueue(
        _ jobs: [NewJob], at now: Timestamp, then: @escaping @Sendable (Result<[EnqueueResult], StoreError>) -> Void
    ) {
        let results: [EnqueueResult] = ids.withLock { ids in
            jobs.map { .accepted(ids.next(now: $0.job.createdAt, random: $0.job.id.random), nil) }
        }
        then(.success(results))
    }

    // Nothing is ever there.

    func recall(_ key: IdempotencyKey, at now: Timestamp) async throws(StoreError) -> EnqueueResult? { nil }

    func claim(_ batch: ClaimBatch) async throws(StoreError) -> [ClaimedLane] {
        batch.lanes.map { ClaimedLane(function: $0.function, lane: $0.lane, jobs: [], nextDue: nil) }
    }

    func settle(
        _ batch: @escaping @Sendable () -> SettleBatch
    ) async throws(StoreError) -> (results: [SettleResult], claimed: [ClaimedLane]) {
        (batch().settlements.map { _ in .stale }, [])
    }

    func clockMark() async throws(StoreError) -> ClockMark? { nil }
    func keep(_ mark: ClockMark) async throws(StoreError) {}

    func follow(
        offset: Duration, after cursor: FollowedJobs.Cursor?, limit: Int
    ) async throws(StoreError) -> FollowedJobs { FollowedJobs(moved: [], next: nil) }

    func retry(_ requests: [RetryRequest], at now: Timestamp) async throws(StoreError) -> [RetryResult] {
        requests.map { _ in .unknown }
    }

    func fetch(_ ids: [JobID], including parts: JobParts) async throws(StoreError) -> [JobLookup] {
        ids.map { _ in .unknown }
    }

    func look(at id: JobID, including parts: JobParts, upTo bytes: Int) throws(StoreError) -> JobLookup? { .unknown }

    func end(of run: Int, _ id: JobID) async throws(StoreError) -> JobSnapshot? { nil }

    func list(
        _ filter: JobFilter, after cursor: Int64?, newestFirst: Bool, limit: Int, including parts: JobParts,
        within bounds: ReadBounds, at now: Timestamp
    ) async throws(StoreError) -> JobPage { JobPage(jobs: []) }

    func count(_ filter: JobFilter, within bounds: ReadBounds, at now: Timestamp) async throws(StoreError) -> JobCount {
        JobCount(count: 0, isExact: true)
    }

    func attempts(of ids: [JobID], within bounds: ReadBounds) async throws(StoreError) -> AttemptPage {
        AttemptPage(attempts: ids.map { _ in [] })
    }

    func countAhead(of id: JobID, limit: Int, at now: Timestamp) async throws(StoreError) -> Int { 0 }
    func abandoned(limit: Int) async throws(StoreError) -> [LiveJob] { [] }
    func held(after cursor: Int64?, limit: Int) async throws(StoreError) -> [HeldLease] { [] }
    func running(under leases: [HeldLease]) async throws(StoreError) -> [LiveJob] { [] }
    func overdue(limit: Int, at now: Timestamp) async throws(StoreError) -> [LiveJob] { [] }

    func prune(limit: Int, at now: Timestamp) async throws(StoreError) -> PruneResult {
        PruneResult(jobs: 0, tombstones: 0, keys: 0)
    }

    func claimDeliveries(limit: Int, at now: Timestamp) async throws(StoreError) -> DeliveryClaim {
        DeliveryClaim(deliveries: [], nextDue: nil)
    }

    func heldDeliveries(after cursor: Int64?, limit: Int) async throws(StoreError) -> [LeasedDelivery] { [] }

    func settleDeliveries(_ settlements: [DeliverySettlement]) async throws(StoreError) -> [SettleResult] {
        settlements.map { _ in .stale }
    }

    func deliveries(of id: JobID) async throws(StoreError) -> [DeliveryRecord] { [] }
    func resend(_ delivery: Int64, at now: Timestamp) async throws(StoreError) -> Bool { false }
    func pendingDeliveries() async throws(StoreError) -> Int { 0 }
    func backlog() async throws(StoreError) -> [Backlog] { [] }
    func oldestDue(of owner: String) async throws(StoreError) -> [String: Timestamp] { [:] }
    func latestTimes(of owner: String, limit: Int) async throws(StoreError) -> [String: [Int64]] { [:] }
    func failures(of owner: String?) async throws(StoreError) -> [String: Int] { [:] }
    func lanes(of function: String, after lane: Int64?, limit: Int) async throws(StoreError) -> [LaneDue] { [] }
    func heads(of lanes: [LaneAddress], at now: Timestamp) async throws(StoreError) -> [StoredHead] {
        lanes.map { _ in .empty }
    }
    func queued(in lane: LaneAddress, limit: Int) async throws(StoreError) -> [QueuedJob] { [] }
    func move(_ moves: [LaneMove]) async throws(StoreError) {}
    func windows(at now: Timestamp) async throws(StoreError) -> [RateWindow] { [] }
    func pausedFunctions() async throws(StoreError) -> Set<String> { [] }
    func setPaused(_ function: String, _ paused: Bool) async throws(StoreError) { throw Self.refusal }
    func probe() async throws(StoreError) {}
    var statistics: StoreStatistics { StoreStatistics() }
    func close() async {}

    var openFiles: [FileIdentity] { [] }
    func backup(to path: String, isStopping: @escaping @Sendable () -> Bool) async throws(StoreError) {
        throw Self.refusal
    }

    func create(_ account: Account, with key: APIKey) async throws(StoreError) -> Bool { throw Self.refusal }
    func add(_ key: APIKey) async throws(StoreError) -> Bool { false }
    func accounts() async throws(StoreError) -> [AccountKeys] { [] }
    func account(withKey hash: [UInt8]) async throws(StoreError) -> Account? { nil }
    func revokeKeys(of account: String, prefix: String?, at now: Timestamp) async throws(StoreError) -> [[UInt8]] { [] }

    static let refusal = StoreError.unavailable("nothing is stored here")
}
