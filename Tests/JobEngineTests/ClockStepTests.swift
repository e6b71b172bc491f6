import JobModel
import JobStore
import Testing
import Timing

@testable import JobEngine

/// A wall clock that is set, an hour or a day back or ahead, moves only what names a wall time.
@Suite(.timeLimit(.minutes(1))) struct ClockStepTests {
    static let hour: Int64 = 3_600_000
    static let jumps = [-hour, hour]

    /// In steps that the engine can follow.
    private func advance(_ fixture: EngineFixture, _ milliseconds: Int64) async {
        for _ in 0..<milliseconds / 500 {
            fixture.clock.advance(500)
            for _ in 0..<200 { await Task.yield() }
        }
    }

    /// Until so many attempts have begun. What has not begun after twenty seconds of the engine's time never will.
    private func calls(_ count: Int, in fixture: EngineFixture) async throws {
        for _ in 0..<40 where fixture.handler.calls.count < count { await advance(fixture, 500) }
        // The threads may be slower than the clock.
        try #require(try await fixture.calls(count).count == count)
    }

    @Test(arguments: jumps)
    func `Delays, backoff and timeouts last as long as they would have`(_ jump: Int64) async throws {
        let fixture = try EngineFixture([
            EngineFixture.function {
                $0.retry.attempts = 3
                $0.timeout = .seconds(4)
            }
        ])
        try await fixture.running {
            let id = try await fixture.submit(start: .after(.seconds(5)))
            fixture.clock.jump(jump)
            await advance(fixture, 4500)
            #expect(fixture.handler.calls.isEmpty)
            try await calls(1, in: fixture)
            fixture.clock.jump(-2 * jump)
            fixture.handler.end(EngineFixture.failure)
            try await fixture.job(id) { $0.progress.used == 1 && $0.state == .queued }
            fixture.clock.jump(jump)
            try await calls(2, in: fixture)
            // It runs into its timeout.
            fixture.clock.jump(jump)
            await advance(fixture, 3500)
            #expect(try await fixture.job(id).progress.used == 1)
            await advance(fixture, 1000)
            try await fixture.job(id) { $0.progress.used == 2 }
        }
    }

    @Test(arguments: jumps) func `maxWait ends when it would have ended`(_ jump: Int64) async throws {
        let fixture = try EngineFixture([EngineFixture.function { $0.maxWait = .seconds(60) }])
        let id = try await fixture.submit()
        fixture.clock.jump(jump)
        fixture.clock.advance(59_000)
        await fixture.engine.reclaimer.tick()
        #expect(try await fixture.job(id).state == .queued)
        fixture.clock.advance(1000)
        await fixture.engine.reclaimer.tick()
        #expect(try await fixture.job(id).state == .timeout)
    }

    @Test(arguments: jumps)
    func `A handler is told its deadline as its wall clock will show it`(_ jump: Int64) async throws {
        let fixture = try EngineFixture([EngineFixture.function { $0.timeout = .seconds(4) }])
        try await fixture.running {
            fixture.clock.jump(jump)
            _ = try await fixture.submit()
            try await calls(1, in: fixture)
            let left = try #require(fixture.handler.calls.first).deadline - fixture.clock.now().wall
            #expect(left > .zero && left <= .seconds(4))
        }
    }

    @Test(arguments: jumps)
    func `A rate window is as long as its rule says, over a restart too`(_ jump: Int64) async throws {
        let fixture = try EngineFixture([
            EngineFixture.function { $0.limits.rate = [RateLimit(limit: 1, per: .seconds(10))] }
        ])
        func reset(_ engine: JobEngine) async throws -> Int64? {
            do {
                _ = try await engine.submit(Submission(function: "f", payload: nil))
                return nil
            } catch .rateLimited(let status) {
                return status.resetSeconds
            }
        }
        #expect(try await reset(fixture.engine) == nil)
        fixture.clock.jump(jump)
        #expect(try await reset(fixture.engine) == 10)
        fixture.clock.advance(4000)
        let next = try fixture.restarted()
        try await next.start()
        #expect(try await reset(next) == 6)
        fixture.clock.advance(6000)
        #expect(try await reset(next) == nil)
    }

    @Test func `A window that was opened in the future is no longer than its rule`() {
        let rates = RateLimiter()
        let now = Timestamp(milliseconds: 1_000_000)
        let rule = RateLimit(limit: 1, per: .seconds(10))
        let opened = now + .seconds(3600)
        rates.load([RateWindow(key: 1, openedAt: opened, until: opened + rule.per)], at: now)
        guard case .refused(let status) = rates.take([rule], keys: [1], at: now) else {
            Issue.record("counted")
            return
        }
        #expect(status.resetSeconds == 10)
        guard case .counted = rates.take([rule], keys: [1], at: now + rule.per) else {
            Issue.record("refused")
            return
        }
    }

    @Test(arguments: jumps + [24 * hour]) func `A webhook under way is sent once`(_ jump: Int64) async throws {
        let fixture = try EngineFixture(
            [EngineFixture.function { $0.onComplete = try? CompletionHook(url: Template("http://example.com/")) }],
            outcomes: [EngineFixture.value])
        fixture.sender.hang()
        try await fixture.running {
            _ = try await fixture.submit()
            _ = await fixture.sender.messages(1)
            fixture.clock.jump(jump)
            await advance(fixture, 5000)
            #expect(fixture.sender.messages.count == 1)
        }
    }

    @Test(arguments: jumps) func `Keys are remembered and results kept as long as they would have been`(
        _ jump: Int64
    ) async throws {
        let fixture = try EngineFixture([EngineFixture.function()], outcomes: [EngineFixture.value])
        let submission = Submission(function: "f", payload: nil, idempotencyKey: "once")
        let first = try await fixture.running {
            let first = try await fixture.engine.submit(submission)
            try await fixture.job(first.id, until: .completed)
            return first
        }
        // Results are kept and keys remembered for a day.
        fixture.clock.jump(48 * jump)
        await fixture.engine.pruner.tick()
        #expect(try await fixture.job(first.id).state == .completed)
        let again = try await fixture.engine.submit(submission)
        #expect(again.replayed && again.id == first.id)
    }

    @Test(arguments: jumps)
    func `What is still to come is shown as the wall clock will say it`(_ jump: Int64) async throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        let id = try await fixture.submit(start: .after(.seconds(60)))
        fixture.clock.jump(jump)
        let due = fixture.clock.now().wall + .seconds(60)
        let job = try await fixture.job(id)
        #expect(job.runAt == due)
        #expect(JobFilter.Status(job, at: fixture.clock.now().wall) == .delayed)
        #expect(try await fixture.engine.explain(job) == [.notDue(until: due, afterAttempt: 0)])
        #expect(try await fixture.engine.oldestDue(of: .everybody) == ["f": due])
        let delayed = JobFilter(states: [.delayed])
        let page = try await fixture.engine.list(delayed, as: .admin, after: nil, newestFirst: true, limit: 5)
        #expect(page.entries.map(\.job.runAt) == [due])
        let pending = JobFilter(states: [.pending])
        #expect(
            try await fixture.engine.list(pending, as: .admin, after: nil, newestFirst: true, limit: 5).total.count == 0
        )
    }

    // MARK: What names a wall time

    @Test func `A time that is named comes when the wall clock says so`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        try await fixture.running {
            try await fixture.engine.start()
            let named = fixture.clock.now().wall + .seconds(60)
            let id = try await fixture.submit(start: .at(named))
            fixture.clock.jump(-10_000)
            await fixture.engine.clockWatch.tick()
            #expect(try await fixture.job(id).runAt == named)
            await advance(fixture, 69_500)
            #expect(fixture.handler.calls.isEmpty)
            try await calls(1, in: fixture)
            fixture.handler.end(EngineFixture.value)
            let next = try await fixture.submit(start: .at(fixture.clock.now().wall + .seconds(3600)))
            fixture.clock.jump(Self.hour)
            await fixture.engine.clockWatch.tick()
            try await calls(2, in: fixture)
            let job = try await fixture.job(next)
            #expect(job.state == .running && job.deadline == (job.job.scheduledFor ?? named) + .seconds(7 * 86_400))
        }
    }

    @Test func `A time that is named under a clock that was set is kept to the millisecond`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        fixture.clock.jump(-Self.hour - 77)
        let named = fixture.clock.now().wall + .seconds(60)
        let job = try await fixture.job(try await fixture.submit(start: .at(named)))
        #expect(job.runAt == named && job.job.scheduledFor == named)
    }

    @Test func `A restart follows a clock that was set while nobody ran`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        try await fixture.engine.start()
        let named = fixture.clock.now().wall + .seconds(60)
        let id = try await fixture.submit(start: .at(named))
        fixture.clock.jump(Self.hour)
        let next = try fixture.restarted()
        try await next.start()
        guard case .found(let job) = try await next.job(id, as: .admin) else { throw EngineFixture.Missing() }
        #expect(job.runAt == named)
        let mark = try await fixture.store.clockMark()
        #expect(mark == ClockMark(steady: fixture.clock.now().steady, offset: .milliseconds(Self.hour)))
    }

    @Test func `The machine's clock goes on where the former process left it`() {
        let clock = SystemClock()
        let start = clock.now()
        #expect(start.offset == .zero && abs((start.wall - start.steady).milliseconds) < 1000)
        clock.resume(from: Timestamp(milliseconds: 0), offset: .seconds(3600))
        let behind = clock.now()
        #expect(behind.offset == .seconds(3600))
        #expect(abs((behind.wall - behind.steady - .seconds(3600)).milliseconds) < 1000)
        // The wall clock was set back meanwhile.
        let late = behind.steady + .seconds(7200)
        clock.resume(from: late, offset: .seconds(3600))
        let resumed = clock.now()
        #expect(resumed.steady >= late && resumed.steady < late + .seconds(5))
        #expect(resumed.offset == resumed.wall - resumed.steady)
    }
}
