import Dispatching
import Foundation
import JobModel
import JobStore
import JobStoreContract
import PayloadSchema
import Synchronization
import Testing

@testable import JobEngine

/// A handler that notes when each attempt started and takes a fixed time.
final class PacedHandler: Handler {
    private let clock: ManualClock
    private let milliseconds: Int64
    private let started = Mutex<[(job: Job, at: Int64)]>([])
    private let most = Mutex<(now: Int, most: Int)>((0, 0))

    init(_ clock: ManualClock, milliseconds: Int64) {
        self.clock = clock
        self.milliseconds = milliseconds
    }

    func run(_ call: HandlerCall) async -> Outcome {
        let now = clock.now().monotonic
        started.withLock { $0.append((call.job, now)) }
        most.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        if milliseconds > 0 { try? await clock.sleep(untilMonotonic: now + milliseconds) }
        most.withLock { $0.now -= 1 }
        return EngineFixture.value
    }

    var starts: [(job: Job, at: Int64)] { started.withLock { $0 } }

    /// The most attempts that ran at the same time.
    var peak: Int { most.withLock { $0.most } }
}

@Suite(.timeLimit(.minutes(1))) struct LimitTests {
    private func submit(
        _ fixture: EngineFixture, _ payload: String = "{}", owner: String? = nil, client: String = "192.0.2.1",
        function: String = "f"
    ) async throws -> Accepted {
        try await fixture.engine.submit(
            Submission(function: function, payload: Array(payload.utf8), owner: owner, clientAddress: client))
    }

    /// Moves the clock in small steps until so many attempts have started.
    private func advance(_ fixture: EngineFixture, step: Int64, until done: () -> Bool) async throws {
        var steps = 0
        while !done() {
            try #require(steps < 100_000)
            // Twice through the writer: what the engine had asked for by then has been answered.
            for _ in 0..<2 {
                try await fixture.store.probe()
                for _ in 0..<20 { await Task.yield() }
            }
            if done() { return }
            fixture.clock.advance(step)
            steps += 1
        }
    }

    // MARK: rateLimit

    @Test func `A rate limit refuses at the door, counts accepted calls only, and opens again`() async throws {
        let fixture = try EngineFixture([
            EngineFixture.function { $0.limits.rate = [RateLimit(limit: 2, per: .seconds(10))] }
        ])
        let first = try await submit(fixture)
        #expect(first.rates.map(\.remaining) == [1])
        #expect(first.rates.map(\.resetSeconds) == [10])
        fixture.clock.advance(4500)
        #expect(try await submit(fixture).rates.map(\.remaining) == [0])
        for _ in 0..<3 {
            do {
                _ = try await submit(fixture)
                Issue.record("accepted")
            } catch {
                guard case .rateLimited(let status)? = error as? Refusal else { throw error }
                #expect(status.remaining == 0)
                #expect(status.resetSeconds == 6)
            }
        }
        fixture.clock.advance(5500)
        #expect(try await submit(fixture).rates.map(\.remaining) == [1])
    }

    @Test func `Each key has its own window: account, address by its 64 bits, payload value`() async throws {
        func accepted(_ key: String, _ calls: [(String?, String, String)]) async throws -> [Bool] {
            let limitKey: LimitKey =
                switch key {
                case "account": .account
                case "ip": .ip
                default: .value(try #require(ValuePath(key)))
                }
            let fixture = try EngineFixture([
                EngineFixture.function { $0.limits.rate = [RateLimit(limit: 1, per: .seconds(10), key: limitKey)] }
            ])
            var results: [Bool] = []
            for (owner, client, payload) in calls {
                results.append((try? await submit(fixture, payload, owner: owner, client: client)) != nil)
            }
            return results
        }
        #expect(
            try await accepted(
                "account",
                [
                    ("a", "1.1.1.1", "{}"), ("a", "2.2.2.2", "{}"), ("b", "1.1.1.1", "{}"), (nil, "1.1.1.1", "{}"),
                    (nil, "1.1.1.1", "{}"), (nil, "2.2.2.2", "{}"),
                ]) == [true, false, true, true, false, true])
        #expect(
            try await accepted(
                "ip",
                [
                    ("a", "1.1.1.1", "{}"), ("b", "1.1.1.1", "{}"), (nil, "2001:db8::1", "{}"),
                    (nil, "2001:db8::ffff:1", "{}"), (nil, "2001:db8:0:1::1", "{}"),
                ]) == [true, false, true, false, true])
        #expect(
            try await accepted(
                "payload.t.id",
                [
                    (nil, "1.1.1.1", #"{"t":{"id":1}}"#), (nil, "2.2.2.2", #"{"t":{"id":1}}"#),
                    (nil, "1.1.1.1", #"{"t":{"id":"1"}}"#), (nil, "1.1.1.1", "{}"), (nil, "1.1.1.1", "[]"),
                ])
                == [true, false, true, true, false])
    }

    @Test func `Of several limits all must pass, and a refused call counts in none`() async throws {
        let fixture = try EngineFixture([
            EngineFixture.function {
                $0.limits.rate = [
                    RateLimit(limit: 2, per: .seconds(10), key: .account), RateLimit(limit: 3, per: .seconds(100)),
                ]
            }
        ])
        for owner in ["a", "a"] { _ = try await submit(fixture, owner: owner) }
        await #expect(throws: Refusal.self) { try await submit(fixture, owner: "a") }
        #expect(try await submit(fixture, owner: "b").rates.map(\.remaining) == [1, 0])
        await #expect(throws: Refusal.self) { try await submit(fixture, owner: "b") }
    }

    @Test func `Windows survive a restart`() async throws {
        let fixture = try EngineFixture([
            EngineFixture.function { $0.limits.rate = [RateLimit(limit: 3, per: .seconds(10))] }
        ])
        for _ in 0..<2 { _ = try await submit(fixture) }
        fixture.clock.advance(5000)
        let restarted = try fixture.restarted()
        try await restarted.start()
        let accepted = try await restarted.submit(Submission(function: "f", payload: nil))
        #expect(accepted.rates.map(\.remaining) == [0])
        #expect(accepted.rates.map(\.resetSeconds) == [5])
        await #expect(throws: Refusal.self) {
            try await restarted.submit(Submission(function: "f", payload: nil))
        }
    }

    @Test func `A replayed call is free, a refused one leaves no job`() async throws {
        let fixture = try EngineFixture([
            EngineFixture.function { $0.limits.rate = [RateLimit(limit: 1, per: .seconds(10))] }
        ])
        let submission = Submission(function: "f", payload: nil, idempotencyKey: "k")
        let first = try await fixture.engine.submit(submission)
        for _ in 0..<5 {
            #expect(try await fixture.engine.submit(submission).id == first.id)
        }
        await #expect(throws: Refusal.self) { try await submit(fixture) }
        #expect(try await fixture.store.backlog().first?.queued == 1)
    }

    // MARK: maxQueued

    @Test func `A full queue refuses until something leaves it`() async throws {
        let fixture = try EngineFixture([
            EngineFixture.function {
                $0.limits.maxQueued = 2
                $0.paused = true
            }
        ])
        let ids = [try await submit(fixture, owner: "a").id, try await submit(fixture, owner: "a").id]
        do {
            _ = try await submit(fixture, owner: "a")
            Issue.record("accepted")
        } catch {
            guard case .queueFull(let full)? = error as? Refusal else { throw error }
            #expect(full.scope == .function)
            #expect(full.limit == 2)
            #expect(full.retryAfter >= 1)
        }
        _ = try await fixture.engine.cancel(ids[0], as: .admin, force: false)
        _ = try await submit(fixture, owner: "a")
    }

    @Test func `The server's queue is bounded over all functions`() async throws {
        let fixture = try EngineFixture(["f", "g"].map { EngineFixture.function($0) { $0.paused = true } })
        fixture.engine.adopt(
            Deployment(
                revision: "b", functions: ["f", "g"].map { EngineFixture.function($0) { $0.paused = true } },
                concurrency: 1, maxQueued: 2))
        _ = try await submit(fixture)
        _ = try await submit(fixture, function: "g")
        do {
            _ = try await submit(fixture)
            Issue.record("accepted")
        } catch {
            guard case .queueFull(let full)? = error as? Refusal else { throw error }
            #expect(full.scope == .server)
        }
    }

    // MARK: concurrency and throttle

    @Test func `Concurrency bounds attempts of a function and of each key, and uses no attempt for waiting`()
        async throws
    {
        let function = EngineFixture.function {
            $0.limits.concurrency = [
                ConcurrencyLimit(limit: 6),
                ConcurrencyLimit(limit: 2, key: ValuePath("payload.t").map(LimitKey.value)),
            ]
        }
        let clock = ManualClock()
        let handler = PacedHandler(clock, milliseconds: 100)
        let fixture = try EngineFixture([function], concurrency: 100, clock: clock, handler: handler)
        var ids: [JobID] = []
        for number in 0..<40 { ids.append(try await submit(fixture, #"{"t":\#(number % 5)}"#).id) }
        let accepted = ids
        try await fixture.running {
            try await self.advance(fixture, step: 20) { handler.starts.count == 40 }
            for id in accepted {
                while try await !fixture.job(id).state.isTerminal { try await self.advanceOnce(fixture) }
            }
        }
        #expect(handler.peak == 6)
        for id in ids { #expect(try await fixture.job(id).progress == JobProgress(run: 1, attempt: 1, used: 1)) }
        // Never more than two of one tenant at a time.
        for (index, start) in handler.starts.enumerated() {
            let same = handler.starts[..<index].filter {
                $0.job.payload == start.job.payload && start.at - $0.at < 100
            }
            #expect(same.count < 2)
        }
    }

    private func advanceOnce(_ fixture: EngineFixture) async throws {
        fixture.clock.advance(20)
        for _ in 0..<50 { await Task.yield() }
    }

    @Test func `A throttle paces starts by key, and other keys are not held up`() async throws {
        let function = EngineFixture.function {
            $0.limits.throttle = [
                Throttle(limit: 10, per: .seconds(1), burst: 2, key: ValuePath("payload.t").map(LimitKey.value))
            ]
        }
        let clock = ManualClock()
        let handler = PacedHandler(clock, milliseconds: 0)
        let fixture = try EngineFixture([function], concurrency: 100, clock: clock, handler: handler)
        let begin = clock.now().monotonic
        for _ in 0..<20 { _ = try await submit(fixture, #"{"t":"hot"}"#) }
        for number in 0..<5 { _ = try await submit(fixture, #"{"t":"\#(number)"}"#) }
        try await fixture.running {
            try await self.advance(fixture, step: 5) { handler.starts.count == 25 }
        }
        let hot = handler.starts.filter { $0.job.payload == Array(#"{"t":"hot"}"#.utf8) }.map(\.at)
        #expect(hot.count == 20)
        // The burst: the second comes before its interval.
        #expect(hot[1] - hot[0] < 100)
        for index in 2..<20 { #expect(hot[index] - hot[index - 2] >= 100) }
        #expect(hot[19] - begin >= 1800)
        let others = handler.starts.filter { $0.job.payload != Array(#"{"t":"hot"}"#.utf8) }.map(\.at)
        // The last of the hot ones may not start before 1.8 s; the others do not wait for it.
        #expect(others.allSatisfy { $0 - begin < 900 })
    }

    @Test(arguments: ["account", "function"])
    func `A queue of a hundred thousand does not hold up nine with one job each`(_ kind: String) async throws {
        let clock = ManualClock()
        let handler = PacedHandler(clock, milliseconds: 10)
        let small = (0..<9).map { "small-\($0)" }
        let functions = kind == "function" ? ["hot"] + small : ["hot"]
        let fixture = try EngineFixture(
            functions.map { EngineFixture.function($0) }, concurrency: 4, clock: clock, handler: handler)
        // Written at once: what a day of one caller's jobs comes to.
        let owner = kind == "account" ? "hot" : nil
        let lane = LimitKeys.of(
            EngineFixture.function("hot"), KeySource(owner: owner, client: "", payload: nil, parameters: .null)
        ).lane
        let hot = (0..<100_000).map { number in
            Sample.job("hot", lane: lane, random: UInt64(number), deadline: 1_000_000_000, owner: owner)
        }
        _ = try await fixture.store.enqueue(hot, at: Sample.now)
        @Sendable func isSmall(_ job: Job) -> Bool { job.function != "hot" || (job.owner ?? "hot") != "hot" }
        for name in small {
            if kind == "account" {
                _ = try await submit(fixture, owner: name, function: "hot")
            } else {
                _ = try await submit(fixture, function: name)
            }
        }
        try await fixture.running {
            try await self.advance(fixture, step: 10) { handler.starts.filter { isSmall($0.job) }.count == 9 }
        }
        let last = try #require(handler.starts.lastIndex { isSmall($0.job) })
        #expect(last < 60)
    }

    @Test func `After a change of keys queued jobs find their new lanes`() async throws {
        let clock = ManualClock()
        let handler = PacedHandler(clock, milliseconds: 50)
        let fixture = try EngineFixture([EngineFixture.function()], concurrency: 100, clock: clock, handler: handler)
        for number in 0..<20 { _ = try await submit(fixture, #"{"t":\#(number % 2)}"#) }
        let keyed = EngineFixture.function {
            $0.limits.concurrency = [ConcurrencyLimit(limit: 1, key: ValuePath("payload.t").map(LimitKey.value))]
        }
        fixture.engine.adopt(Deployment(revision: "b", functions: [keyed], concurrency: 100))
        try await fixture.running {
            try await self.advance(fixture, step: 10) { handler.starts.count == 20 }
        }
        #expect(handler.peak == 2)
    }

    @Test func `A pause stops starting, survives a restart, and ends`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()], outcomes: [EngineFixture.value])
        try await fixture.engine.setPaused("f", true)
        let restarted = try fixture.restarted()
        try await restarted.start()
        #expect(restarted.paused == ["f"])
        try await restarted.setPaused("f", false)
        #expect(restarted.paused.isEmpty)
    }
}
