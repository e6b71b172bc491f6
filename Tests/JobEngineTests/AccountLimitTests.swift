import JobModel
import JobStore
import Testing

@testable import JobEngine

/// `accounts.concurrency` and `accounts.maxQueued`: what one account may take up, all functions together.
@Suite struct AccountLimitTests {
    private static func limits(concurrency: Int = 256, maxQueued: Int = 10_000) -> AccountLimits {
        var limits = AccountLimits()
        limits.concurrency = concurrency
        limits.maxQueued = maxQueued
        return limits
    }

    private static let both = ["f", "g"].map { EngineFixture.function($0) }

    private func refusal(_ body: () async throws -> Void) async throws -> QueueFull? {
        do {
            try await body()
            return nil
        } catch let refusal as Refusal {
            guard case .queueFull(let full) = refusal else { throw refusal }
            return full
        }
    }

    @Test func `An account runs no more than its share, over all functions, and others are not held up`() async throws {
        let fixture = try EngineFixture(Self.both, accounts: Self.limits(concurrency: 2))
        try await fixture.running {
            var greedy: [JobID] = []
            for function in ["f", "g", "f", "g"] { greedy.append(try await fixture.submit(function, owner: "greedy")) }
            _ = try await fixture.calls(2)
            let other = try await fixture.submit("f", owner: "other")
            let nobody = try await fixture.submit("g")
            let admin = try await fixture.submit("g", owner: Job.adminOwner)
            for id in [other, nobody, admin] { try await fixture.job(id, until: .running) }
            #expect(fixture.engine.counters.total(of: .owner("greedy")).running == 2)
            let waiting = try #require(
                try await Self.first(of: greedy, in: fixture) { $0.state == .queued })
            #expect(try await fixture.engine.explain(waiting).contains(.accountConcurrency(max: 2)))
            // One ends: exactly one more starts, whichever function it belongs to.
            fixture.handler.end(EngineFixture.value)
            _ = try await fixture.calls(6)
            #expect(fixture.engine.counters.total(of: .owner("greedy")).running == 2)
            for _ in 0..<6 { fixture.handler.end(EngineFixture.value) }
            _ = try await fixture.calls(7)
            fixture.handler.end(EngineFixture.value)
            for id in greedy { try await fixture.job(id, until: .completed) }
        }
    }

    @Test func `Every limit that holds a job back is told, not the first alone`() async throws {
        let paced = EngineFixture.function { $0.limits.throttle = [Throttle(limit: 1, per: .seconds(60))] }
        let fixture = try EngineFixture([paced], accounts: Self.limits(concurrency: 1))
        try await fixture.running {
            try await fixture.up()
            _ = try await fixture.submit(owner: "a")
            _ = try await fixture.calls(1)
            let waiting = try await fixture.submit(owner: "a")
            let due = fixture.clock.now().wall + .seconds(60)
            #expect(
                try await fixture.engine.explain(try await fixture.job(waiting))
                    == [.accountConcurrency(max: 1), .throttle(until: due)])
        }
    }

    private static func first(
        of ids: [JobID], in fixture: EngineFixture, where condition: (JobSnapshot) -> Bool
    ) async throws -> JobSnapshot? {
        for id in ids {
            let job = try await fixture.job(id)
            if condition(job) { return job }
        }
        return nil
    }

    @Test func `An account's queue is bounded, over all functions, and over a restart`() async throws {
        let fixture = try EngineFixture(Self.both, accounts: Self.limits(maxQueued: 3))
        var ids: [JobID] = []
        for function in ["f", "g", "f"] { ids.append(try await fixture.submit(function, owner: "a")) }
        let full = try #require(try await refusal { _ = try await fixture.submit("g", owner: "a") })
        #expect(full.scope == .account)
        #expect(full.limit == 3)
        _ = try await fixture.submit("g", owner: "b")
        _ = try await fixture.submit("g")
        for _ in 0..<5 { _ = try await fixture.submit("g", owner: Job.adminOwner) }

        let restarted = try fixture.restarted()
        try await restarted.start()
        let again = try await refusal {
            _ = try await restarted.submit(Submission(function: "f", payload: nil, owner: "a"))
        }
        #expect(again?.scope == .account)
        _ = try await restarted.cancel(ids[0], as: .admin, force: false)
        _ = try await restarted.submit(Submission(function: "f", payload: nil, owner: "a"))
    }

    @Test func `Every way through life leaves the counts at zero`() async throws {
        let fixture = try EngineFixture(
            [
                EngineFixture.function {
                    $0.retry = RetryPolicy(); $0.retry.attempts = 2; $0.retry.delay = .zero
                }
            ])
        let gauges = fixture.engine.counters
        try await fixture.running {
            let ids = try await [
                fixture.submit(owner: "a"), fixture.submit(owner: "a"), fixture.submit(owner: "a"),
                fixture.submit(owner: "a", start: .after(.seconds(60))),
            ]
            _ = try await fixture.calls(3)
            #expect(gauges.total(of: .owner("a")).running == 3)
            #expect(gauges.all(of: .owner("a"))["f"]?.queued == 1)
            fixture.handler.end(EngineFixture.value)
            fixture.handler.end(EngineFixture.failure)
            _ = try await fixture.calls(4)
            _ = try await fixture.engine.cancel(ids[3], as: .admin, force: false)
            for id in ids { _ = try await fixture.engine.cancel(id, as: .admin, force: true) }
            // Counted after the commit, which the end was read from.
            while gauges.total(of: .everybody) != QueueCounters.Gauge() { await Task.yield() }
            #expect(gauges.total(of: .owner("a")) == QueueCounters.Gauge())
            #expect(gauges.all(of: .owner("a")).isEmpty)
        }
    }

    @Test func `A summary counts the caller's own, and says how long attempts take`() async throws {
        let fixture = try EngineFixture(Self.both)
        try await fixture.running {
            let failed = try await fixture.submit("f", owner: "a")
            _ = try await fixture.calls(1)
            fixture.clock.advance(250)
            fixture.handler.end(.failure(.init(error: "no", retryable: false)))
            try await fixture.job(failed, until: .failed)
            let due = fixture.clock.now().wall + .seconds(60)
            _ = try await fixture.submit("g", owner: "a", start: .at(due))
            _ = try await fixture.submit("g", owner: "b", start: .at(due))

            let mine = try await fixture.engine.summaries(as: .account("a"))
            #expect(mine.map(\.function.name) == ["f", "g"])
            #expect(mine.map(\.failed) == [1, 0])
            #expect(mine.map(\.gauge.queued) == [0, 1])
            #expect(mine.map(\.oldestDue) == [nil, due])
            // Within a hundredth.
            #expect(abs((mine[0].attemptTimes.percentile(50) ?? 0) - 250) <= 3)
            #expect(mine[1].attemptTimes.percentile(50) == nil)
            let all = try await fixture.engine.summaries(as: .admin)
            #expect(all.map(\.gauge.queued) == [0, 2])
            #expect(try await fixture.engine.summaries(as: .account("b")).map(\.failed) == [0, 0])
        }
    }
}
