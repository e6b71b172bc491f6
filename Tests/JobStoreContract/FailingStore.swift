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

    let hooks: SettleHooks
    /// Called between the work of a claim and its answer.
    let claimHook: @Sendable () async -> Void
    let store: any EngineStore
    private let counted: Counted
    let failure: Failure
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

    func call<Value>(
        _ kind: Counted = .all, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let fails = fails(kind)
        if fails, failure == .before { throw .unavailable("made to fail") }
        let value = try await body()
        if fails { throw .unavailable("made to fail after the work") }
        return value
    }

    /// Counts a call; whether it is the one that fails.
    func fails(_ kind: Counted) -> Bool {
        guard counted == .all || counted == kind else { return false }
        return calls.withLock { calls in
            calls += 1
            return calls == failingCall
        }
    }
}
