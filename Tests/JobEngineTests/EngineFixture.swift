import Foundation
import JobModel
import JobStore
import JobStoreContract
import Logging
import SQLiteJobStore
import ServiceLifecycle
import Synchronization
import Testing
import Timing

@testable import JobEngine

/// A clock that the test moves. Sleepers wake when their time has come, in order.
final class ManualClock: EngineClock {
    private struct Sleeper {
        var due: Int64
        var id: AlarmID
        var ring: @Sendable () -> Void
    }

    private struct State {
        var monotonic: Int64 = 1_000_000
        /// Steady clock minus monotonic clock.
        var offset: Int64 = 1_763_719_200_000
        /// Wall clock minus steady clock.
        var jump: Int64 = 0
        var sleepers: [Sleeper] = []
        var lastID: UInt64 = 0
    }

    private let state = Mutex(State())

    func now() -> Moment {
        state.withLock { state in
            let steady = Timestamp(milliseconds: state.monotonic + state.offset)
            return Moment(wall: steady + .milliseconds(state.jump), monotonic: state.monotonic, steady: steady)
        }
    }

    func sleep(untilMonotonic milliseconds: Int64) async throws {
        let wake = OneShot<Void>()
        let id = alarm(atMonotonic: milliseconds) { wake.set(()) }
        guard await wake.value() == nil else { return }
        dismiss(id)
        throw CancellationError()
    }

    func alarm(atMonotonic milliseconds: Int64, _ ring: @escaping @Sendable () -> Void) -> AlarmID {
        let (id, isPast) = state.withLock { state in
            state.lastID += 1
            let id = AlarmID(state.lastID)
            let isPast = milliseconds <= state.monotonic
            if !isPast { state.sleepers.append(Sleeper(due: milliseconds, id: id, ring: ring)) }
            return (id, isPast)
        }
        if isPast { ring() }
        return id
    }

    func dismiss(_ id: AlarmID) { state.withLock { $0.sleepers.removeAll { $0.id == id } } }

    /// Whether somebody is to be woken at that time, in milliseconds from now.
    func hasAlarm(in milliseconds: Int64) -> Bool {
        state.withLock { state in state.sleepers.contains { $0.due == state.monotonic + milliseconds } }
    }

    func advance(_ milliseconds: Int64) {
        let due = state.withLock { state in
            state.monotonic += milliseconds
            let now = state.monotonic
            let due = state.sleepers.filter { $0.due <= now }
            state.sleepers.removeAll { $0.due <= now }
            return due
        }
        for sleeper in due { sleeper.ring() }
    }

    /// The wall clock is set, as by an operator; the others do not notice.
    func jump(_ milliseconds: Int64) { state.withLock { $0.jump += milliseconds } }
}

/// A handler that waits to be told how each attempt ends.
final class ScriptedHandler: Handler {
    private struct State {
        var outcomes: [Outcome] = []
        var calls: [HandlerCall] = []
        var open: [OneShot<Outcome>] = []
    }

    private let state = Mutex(State())

    /// The next attempts end at once, like this.
    init(_ outcomes: [Outcome] = []) {
        state.withLock { $0.outcomes = outcomes }
    }

    func run(_ call: HandlerCall) async -> Outcome {
        let (ready, wait): (Outcome?, OneShot<Outcome>) = state.withLock { state in
            state.calls.append(call)
            let wait = OneShot<Outcome>()
            if state.outcomes.isEmpty { state.open.append(wait) }
            return (state.outcomes.isEmpty ? nil : state.outcomes.removeFirst(), wait)
        }
        if let ready { return ready }
        return await wait.value() ?? .failure(.init(error: "stopped"))
    }

    var calls: [HandlerCall] { state.withLock { $0.calls } }

    /// Ends the attempt that has been open the longest.
    func end(_ outcome: Outcome) {
        let wait = state.withLock { $0.open.isEmpty ? nil : $0.open.removeFirst() }
        wait?.set(outcome)
    }
}

/// A running engine over a fresh SQLite file, with a clock and a handler that the test owns.
final class EngineFixture: Sendable {
    static let value = Outcome.success(value: Array("1".utf8))
    static let failure = Outcome.failure(.init(error: "no", statusCode: 500))

    let engine: JobEngine
    let clock: ManualClock
    let handler: ScriptedHandler
    let sender = ScriptedSender()
    let store: any EngineStore
    let path: String

    init(
        _ functions: [Function], outcomes: [Outcome] = [], concurrency: Int = 10,
        accounts: AccountLimits = AccountLimits(), anonymous: AnonymousLimits = AnonymousLimits(),
        webhooks: WebhookSettings = WebhookSettings(), minFreeSpace: Int = 0,
        grace: Duration = .seconds(5),
        clock: ManualClock = ManualClock(), handler own: (any Handler)? = nil,
        store wrap: (any EngineStore) -> any EngineStore = { $0 }
    ) throws {
        self.clock = clock
        path = NSTemporaryDirectory() + "sluice-engine-" + UUID().uuidString + ".db"
        let handler = ScriptedHandler(outcomes)
        self.handler = handler
        store = wrap(try SQLiteJobStore(path: path))
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        engine = JobEngine(
            store: store,
            deployment: Deployment(
                revision: "cafecafecafe", functions: functions, concurrency: concurrency, accounts: accounts,
                anonymous: anonymous, webhooks: webhooks, minFreeSpace: minFreeSpace, shutdownGrace: grace),
            handlers: { _, _ in own ?? handler }, sender: sender, clock: clock, random: RandomSource(),
            logger: logger)
    }

    deinit {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    /// Runs the dispatcher while `body` runs, then shuts down.
    func running<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: engine.deliveries, successTerminationBehavior: .ignore),
                    .init(service: engine.loop, successTerminationBehavior: .ignore),
                ], logger: logger))
        return try await withThrowingTaskGroup(of: Value?.self) { tasks in
            tasks.addTask {
                try await group.run()
                return nil
            }
            tasks.addTask { try await body() }
            var result: Value?
            while let next = try await tasks.next() {
                if let next {
                    result = next
                    break
                }
            }
            tasks.cancelAll()
            return try #require(result)
        }
    }

    /// Another engine over the same store, as after a restart.
    func restarted() throws -> JobEngine {
        let handler = handler
        return JobEngine(
            store: store, deployment: engine.deployment.value, handlers: { _, _ in handler }, sender: sender,
            clock: clock, random: RandomSource(), logger: Logger(label: "test"))
    }

    static func function(
        _ name: String = "f", _ change: (inout Function) -> Void = { _ in }
    ) -> Function {
        var function = Function(
            name: name, handler: .builtin(Builtin(kind: .echo)), endpoint: Endpoint(path: PathPattern(literals: [name]))
        )
        function.retry.jitter = .none
        change(&function)
        return function
    }

    func submit(
        _ function: String = "f", _ payload: String = "{}", owner: String? = nil, start: Submission.Start = .now
    ) async throws -> JobID {
        try await engine.submit(
            Submission(function: function, payload: Array(payload.utf8), owner: owner, start: start)
        ).id
    }

    func job(_ id: JobID) async throws -> JobSnapshot {
        guard case .found(let job) = try await engine.job(id, as: .admin, including: [.value, .payload]) else {
            throw Missing()
        }
        return job
    }

    struct Missing: Error {}

    func attempts(of id: JobID) async throws -> [Attempt] { try await engine.attempts(of: try await job(id)) }

    func webhooks(of id: JobID) async throws -> [DeliveryRecord] {
        try await engine.webhooks(of: try await job(id), as: .admin)
    }

    /// Waits until the job satisfies the condition, looking whenever something changes.
    @discardableResult func job(_ id: JobID, until condition: (JobSnapshot) -> Bool) async throws -> JobSnapshot {
        while true {
            let waiter = OneShot<Announcer.Wake>()
            let subscription = engine.subscribe(to: id) { waiter.set($0) }
            let job = try await job(id)
            if condition(job) {
                engine.unsubscribe(subscription)
                return job
            }
            guard await waiter.value() == .changed else { return try await self.job(id) }
        }
    }

    @discardableResult func job(_ id: JobID, until state: JobState) async throws -> JobSnapshot {
        try await job(id) { $0.state == state }
    }

    /// Waits until the dispatcher goes round: from then on free slots are given away at the door.
    func up() async throws {
        while !engine.dispatcher.isReady {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Waits until nothing runs: every slot is free again.
    func idle() async throws {
        while engine.dispatcher.isBusy {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Two seconds later, a round of what takes up lost leases.
    func reconcile() async {
        clock.advance(2000)
        await engine.reclaimer.tick()
    }

    /// Waits until somebody is to be woken at that time, in milliseconds from now, or nobody any more.
    func alarm(in milliseconds: Int64, isThere: Bool = true) async throws {
        while clock.hasAlarm(in: milliseconds) != isThere {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Waits until so many attempts have been handed to the handler.
    func calls(_ count: Int) async throws -> [HandlerCall] {
        while handler.calls.count < count {
            try Task.checkCancellation()
            await Task.yield()
        }
        return handler.calls
    }
}

extension JobEngine {
    /// As a server starts.
    func start() async throws(StoreError) {
        try await load()
        try await recover()
    }
}
