package import JobModel
package import JobStore
internal import Synchronization

/// A store whose N-th call fails, before or after its work is done: whoever uses a store must be right either way.
package final class FailingStore: EngineStore {
    package enum Failure: CaseIterable, Sendable {
        /// Nothing was done.
        case before
        /// It was done, and the answer got lost.
        case after
    }

    /// Whose calls are counted.
    package enum Counted: Sendable { case all, enqueues, claims, settlements, fetches, deliveryClaims }

    /// Called before and after the work of a settlement: a test that holds them up decides what comes between.
    package struct SettleHooks: Sendable {
        package var before: @Sendable () async -> Void
        package var after: @Sendable () async -> Void

        package init(
            before: @escaping @Sendable () async -> Void = {}, after: @escaping @Sendable () async -> Void = {}
        ) {
            self.before = before
            self.after = after
        }
    }

    private let hooks: SettleHooks
    /// Called between the work of a claim and its answer.
    private let claimHook: @Sendable () async -> Void
    private let store: any EngineStore
    private let counted: Counted
    private let failure: Failure
    private let failingCall: Int
    private let calls = Mutex(0)

    package init(_ store: any EngineStore, failingCall: Int, _ failure: Failure, of counted: Counted = .all) {
        self.store = store
        self.counted = counted
        self.failingCall = failingCall
        self.failure = failure
        hooks = SettleHooks()
        claimHook = {}
    }

    /// Never fails.
    package init(
        _ store: any EngineStore, settling hooks: SettleHooks = SettleHooks(),
        claimed claimHook: @escaping @Sendable () async -> Void = {}
    ) {
        self.store = store
        self.hooks = hooks
        self.claimHook = claimHook
        (counted, failingCall, failure) = (.all, .max, .before)
    }

    /// Whether the call that fails has come.
    package var hasFailed: Bool { calls.withLock { $0 >= failingCall } }

    private func call<Value>(
        _ kind: Counted = .all, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let fails = fails(kind)
        if fails, failure == .before { throw .unavailable("made to fail") }
        let value = try await body()
        if fails { throw .unavailable("made to fail after the work") }
        return value
    }

    /// Counts a call; whether it is the one that fails.
    private func fails(_ kind: Counted) -> Bool {
        guard counted == .all || counted == kind else { return false }
        return calls.withLock { calls in
            calls += 1
            return calls == failingCall
        }
    }

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

    package func end(of run: Int, _ id: JobID) async throws(StoreError) -> JobSnapshot? {
        try await call { () async throws(StoreError) in try await store.end(of: run, id) }
    }

    package func attempts(of ids: [JobID], within bounds: ReadBounds) async throws(StoreError) -> [[Attempt]] {
        try await call { () async throws(StoreError) in try await store.attempts(of: ids, within: bounds) }
    }

    package func countAhead(of id: JobID, limit: Int, at now: Timestamp) async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in try await store.countAhead(of: id, limit: limit, at: now) }
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

    package func clockMark() async throws(StoreError) -> ClockMark? {
        try await call { () async throws(StoreError) in try await store.clockMark() }
    }

    package func keep(_ mark: ClockMark) async throws(StoreError) {
        try await call { () async throws(StoreError) in try await store.keep(mark) }
    }

    package func follow(
        offset: Duration, after cursor: FollowedJobs.Cursor?, limit: Int
    ) async throws(StoreError) -> FollowedJobs {
        try await call { () async throws(StoreError) in
            try await store.follow(offset: offset, after: cursor, limit: limit)
        }
    }

    package func claimDeliveries(limit: Int, at now: Timestamp) async throws(StoreError) -> DeliveryClaim {
        try await call(.deliveryClaims) { () async throws(StoreError) in
            try await store.claimDeliveries(limit: limit, at: now)
        }
    }

    package func heldDeliveries(after cursor: Int64?, limit: Int) async throws(StoreError) -> [LeasedDelivery] {
        try await call { () async throws(StoreError) in try await store.heldDeliveries(after: cursor, limit: limit) }
    }

    package func settleDeliveries(_ settlements: [DeliverySettlement]) async throws(StoreError) -> [SettleResult] {
        try await call { () async throws(StoreError) in try await store.settleDeliveries(settlements) }
    }

    package func deliveries(of id: JobID) async throws(StoreError) -> [DeliveryRecord] {
        try await call { () async throws(StoreError) in try await store.deliveries(of: id) }
    }

    package func resend(_ delivery: Int64, at now: Timestamp) async throws(StoreError) -> Bool {
        try await call { () async throws(StoreError) in try await store.resend(delivery, at: now) }
    }

    package func pendingDeliveries() async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in try await store.pendingDeliveries() }
    }

    package func backlog() async throws(StoreError) -> [Backlog] {
        try await call { () async throws(StoreError) in try await store.backlog() }
    }

    package func oldestDue(of owner: String) async throws(StoreError) -> [String: Timestamp] {
        try await call { () async throws(StoreError) in try await store.oldestDue(of: owner) }
    }

    package func latestTimes(of owner: String, limit: Int) async throws(StoreError) -> [String: [Int64]] {
        try await call { () async throws(StoreError) in try await store.latestTimes(of: owner, limit: limit) }
    }

    package func failures(of owner: String?) async throws(StoreError) -> [String: Int] {
        try await call { () async throws(StoreError) in try await store.failures(of: owner) }
    }

    package func lanes(of function: String, after lane: Int64?, limit: Int) async throws(StoreError) -> [LaneDue] {
        try await call { () async throws(StoreError) in try await store.lanes(of: function, after: lane, limit: limit) }
    }

    package func heads(of lanes: [LaneAddress], at now: Timestamp) async throws(StoreError) -> [StoredHead] {
        try await call { () async throws(StoreError) in try await store.heads(of: lanes, at: now) }
    }

    package func queued(in lane: LaneAddress, limit: Int) async throws(StoreError) -> [QueuedJob] {
        try await call { () async throws(StoreError) in try await store.queued(in: lane, limit: limit) }
    }

    package func move(_ moves: [LaneMove]) async throws(StoreError) {
        try await call { () async throws(StoreError) in try await store.move(moves) }
    }

    package func windows(at now: Timestamp) async throws(StoreError) -> [RateWindow] {
        try await call { () async throws(StoreError) in try await store.windows(at: now) }
    }

    package func pausedFunctions() async throws(StoreError) -> Set<String> {
        try await call { () async throws(StoreError) in try await store.pausedFunctions() }
    }

    package func setPaused(_ function: String, _ paused: Bool) async throws(StoreError) {
        try await call { () async throws(StoreError) in try await store.setPaused(function, paused) }
    }

    package func list(
        _ filter: JobFilter, after cursor: Int64?, newestFirst: Bool, limit: Int, including parts: JobParts,
        within bounds: ReadBounds, at now: Timestamp
    ) async throws(StoreError) -> JobPage {
        try await call { () async throws(StoreError) in
            try await store.list(
                filter, after: cursor, newestFirst: newestFirst, limit: limit, including: parts, within: bounds, at: now
            )
        }
    }

    package func count(
        _ filter: JobFilter, within bounds: ReadBounds, at now: Timestamp
    ) async throws(StoreError) -> JobCount {
        try await call { () async throws(StoreError) in try await store.count(filter, within: bounds, at: now) }
    }

    package func probe() async throws(StoreError) {
        try await call { () async throws(StoreError) in try await store.probe() }
    }

    package var statistics: StoreStatistics { store.statistics }

    package func close() async { await store.close() }
}
