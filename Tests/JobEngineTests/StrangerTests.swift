import JobModel
import JobStore
import JobStoreContract
import Testing

@testable import JobEngine

/// `anonymous`: what one address may have queued without credentials, and how late it may start.
@Suite(.timeLimit(.minutes(1))) struct StrangerTests {
    private static let one = "192.0.2.1"

    private static func limits(maxQueued: Int = 10_000, maxDelay: Duration = .seconds(86_400)) -> AnonymousLimits {
        var limits = AnonymousLimits()
        limits.maxQueued = maxQueued
        limits.maxDelay = maxDelay
        return limits
    }

    private static func functions(maxQueued: Int = 100_000) -> [Function] {
        ["f", "g"].map { EngineFixture.function($0) { $0.limits.maxQueued = maxQueued } }
    }

    private static func call(
        _ function: String = "f", from client: String = one, owner: String? = nil, key: String? = nil,
        start: Submission.Start = .now
    ) -> Submission {
        Submission(
            function: function, payload: nil, owner: owner, clientAddress: client, idempotencyKey: key, start: start)
    }

    /// nil when it is accepted.
    private static func full(_ engine: JobEngine, _ call: Submission) async throws -> QueueFull.Scope? {
        do throws(Refusal) {
            _ = try await engine.submit(call)
            return nil
        } catch {
            guard case .queueFull(let full) = error else { throw error }
            #expect(full.retryAfter >= 1)
            return full.scope
        }
    }

    @Test func `An address's queue is bounded, over all functions, delays included, and over a restart`() async throws {
        let fixture = try EngineFixture(Self.functions(), anonymous: Self.limits(maxQueued: 3))
        let first = try await fixture.engine.submit(Self.call(start: .after(.seconds(3600)))).id
        for function in ["g", "f"] { #expect(try await Self.full(fixture.engine, Self.call(function)) == nil) }
        #expect(try await Self.full(fixture.engine, Self.call("g")) == .address)
        #expect(try await Self.full(fixture.engine, Self.call(start: .after(.seconds(60)))) == .address)
        // Others are served: another address, this machine, accounts, and whoever has no address.
        let others: [(String, String?)] = [
            ("192.0.2.2", nil), ("127.0.0.1", nil), ("::1", nil), (Self.one, "a"), (Self.one, Job.adminOwner),
            ("", nil),
        ]
        for (client, owner) in others {
            for _ in 0..<4 {
                let scope = try await Self.full(fixture.engine, Self.call(from: client, owner: owner))
                // The other address has a limit of its own.
                #expect(scope == nil || client == "192.0.2.2")
            }
        }

        let restarted = try fixture.restarted()
        try await restarted.start()
        #expect(try await Self.full(restarted, Self.call()) == .address)
        #expect(try await Self.full(restarted, Self.call(from: "192.0.2.2")) == .address)
        #expect(try await Self.full(restarted, Self.call(from: "192.0.2.3")) == nil)
        _ = try await restarted.cancel(first, as: .admin, force: false)
        #expect(try await Self.full(restarted, Self.call()) == nil)
        #expect(try await Self.full(restarted, Self.call()) == .address)
    }

    @Test(arguments: [
        ("2001:db8:0:7::1", "2001:db8:0:7:ffff::2", true), ("2001:db8:0:7::1", "2001:db8:0:8::1", false),
        ("::ffff:192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false),
    ])
    func `IPv6 counts by its first 64 bits, for shares and for idempotency keys`(
        _ one: String, _ other: String, _ isOne: Bool
    ) async throws {
        let fixture = try EngineFixture(Self.functions(), anonymous: Self.limits(maxQueued: 1))
        let first = try await fixture.engine.submit(Self.call(from: one, key: "k"))
        let scope = try await Self.full(fixture.engine, Self.call(from: other))
        #expect((scope == .address) == isOne)
        let another = try EngineFixture(Self.functions())
        let accepted = try await another.engine.submit(Self.call(from: one, key: "k")).id
        let again = try await another.engine.submit(Self.call(from: other, key: "k"))
        #expect(again.replayed == isOne && (again.id == accepted) == isOne)
        // A replay takes no place, and comes before the limit.
        #expect(try await fixture.engine.submit(Self.call(from: one, key: "k")).id == first.id)
    }

    @Test(arguments: [(1, 1, 1), (2, 1, 1), (3, 1, 2), (4, 1, 3), (8, 2, 6), (100, 25, 75)])
    func `An address has a quarter of a function's queue, all of them three quarters, and accounts the rest`(
        _ maxQueued: Int, _ share: Int, _ together: Int
    ) async throws {
        let fixture = try EngineFixture(Self.functions(maxQueued: maxQueued))
        var accepted = 0
        for address in 1...5 {
            var own = 0
            while accepted < maxQueued {
                let scope = try await Self.full(fixture.engine, Self.call(from: "192.0.2.\(address)"))
                if let scope {
                    #expect(scope == (own == share ? .shareOfAddress : .shareOfAddresses))
                    break
                }
                own += 1
                accepted += 1
            }
            #expect(own <= share)
        }
        #expect(accepted == together)
        for _ in together..<maxQueued { #expect(try await Self.full(fixture.engine, Self.call(owner: "a")) == nil) }
        #expect(try await Self.full(fixture.engine, Self.call(owner: "a")) == .function)
        // Of another function it has its share all the same.
        #expect(try await Self.full(fixture.engine, Self.call("g")) == nil)
    }

    @Test func `A reload that changes the limits counts what is queued`() async throws {
        let fixture = try EngineFixture(Self.functions(), anonymous: Self.limits(maxQueued: 4))
        for _ in 0..<3 { _ = try await fixture.engine.submit(Self.call()) }
        func adopt(_ limits: AnonymousLimits, maxQueued: Int = 100_000) {
            fixture.engine.adopt(
                Deployment(
                    revision: "r", functions: Self.functions(maxQueued: maxQueued), concurrency: 10, anonymous: limits))
        }
        adopt(Self.limits(maxQueued: 2))
        #expect(try await Self.full(fixture.engine, Self.call()) == .address)
        adopt(Self.limits(), maxQueued: 12)
        #expect(try await Self.full(fixture.engine, Self.call()) == .shareOfAddress)
        adopt(Self.limits(maxQueued: 5))
        for scope in [nil, nil, QueueFull.Scope.address] {
            #expect(try await Self.full(fixture.engine, Self.call()) == scope)
        }
    }

    @Test func `A start may be as late as maxDelay says, the function's own delay not counted`() async throws {
        let fixture = try EngineFixture(
            [EngineFixture.function { $0.delay = .seconds(7200) }], anonymous: Self.limits(maxDelay: .seconds(60)))
        func refusal(_ start: Submission.Start, from client: String = Self.one, owner: String? = nil) async -> Refusal?
        {
            do throws(Refusal) {
                _ = try await fixture.engine.submit(Self.call(from: client, owner: owner, start: start))
                return nil
            } catch {
                return error
            }
        }
        let now = fixture.clock.now().wall
        for start in [Submission.Start.now, .after(.seconds(60)), .at(now + .seconds(60)), .at(now + .seconds(-60))] {
            #expect(await refusal(start) == nil)
        }
        for start in [Submission.Start.after(.milliseconds(60_001)), .at(now + .milliseconds(60_001))] {
            #expect(await refusal(start) == .delayTooLong(.seconds(60)))
            // Whoever is not a stranger may.
            #expect(await refusal(start, owner: "a") == nil)
            #expect(await refusal(start, from: "127.0.0.1") == nil)
            #expect(await refusal(start, from: "") == nil)
        }
        #expect(await refusal(.after(Limits.delay + .milliseconds(1))) == .startTooLate)
    }

    @Test func `Every way through life gives the place back`() async throws {
        let fixture = try EngineFixture(
            [
                EngineFixture.function {
                    $0.retry.attempts = 2
                    $0.retry.delay = .seconds(30)
                }
            ])
        let counters = fixture.engine.counters
        let address = try #require(CallerAddress(Self.one))
        try await fixture.running {
            try await fixture.up()
            func submit(_ start: Submission.Start = .now) async throws -> JobID {
                try await fixture.engine.submit(Self.call(start: start)).id
            }
            // Completed.
            let completed = try await submit()
            _ = try await fixture.calls(1)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(completed, until: .completed)
            // Tried again, and failed.
            let failed = try await submit()
            _ = try await fixture.calls(2)
            fixture.handler.end(EngineFixture.failure)
            try await fixture.job(failed) { $0.state == .queued && $0.progress.attempt == 1 }
            // Backoff is queued.
            while counters.queued(of: address) != 1 { await Task.yield() }
            // Delayed, and cancelled.
            let delayed = try await submit(.after(.seconds(3600)))
            #expect(counters.queued(of: address) == 2)
            _ = try await fixture.engine.cancel(delayed, as: .admin, force: false)
            #expect(counters.queued(of: address) == 1)
            fixture.clock.advance(30_000)
            _ = try await fixture.calls(3)
            fixture.handler.end(EngineFixture.failure)
            try await fixture.job(failed, until: .failed)
            // Once more by hand.
            _ = try await fixture.engine.retry(failed, as: .admin)
            _ = try await fixture.calls(4)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(failed, until: .completed)
            // Cancelled while it runs.
            let running = try await submit()
            _ = try await fixture.calls(5)
            _ = try await fixture.engine.cancel(running, as: .admin, force: true)
            // Past its maxWait.
            let overdue = try await submit(.after(.seconds(3600)))
            fixture.clock.advance(8 * 86_400_000)
            await fixture.engine.reclaimer.tick()
            while try await !fixture.job(overdue).state.isTerminal {
                fixture.handler.end(EngineFixture.value)
                await Task.yield()
            }
            // Counted after the commit, which the end was read from.
            while !counters.hasNoAddresses || counters.total(of: .everybody) != QueueCounters.Gauge() {
                await Task.yield()
            }
        }
    }

    @Test func `A job tried again by hand counts, and still does after a restart`() async throws {
        let fixture = try EngineFixture(Self.functions(), anonymous: Self.limits(maxQueued: 1))
        let id = try await fixture.engine.submit(Self.call(start: .after(.seconds(60)))).id
        _ = try await fixture.engine.cancel(id, as: .admin, force: false)
        _ = try await fixture.engine.retry(id, as: .admin)
        #expect(try await Self.full(fixture.engine, Self.call()) == .address)
        let restarted = try fixture.restarted()
        try await restarted.start()
        #expect(try await Self.full(restarted, Self.call()) == .address)
    }

    @Test(arguments: FailingStore.Failure.allCases)
    func `A store that fails keeps nobody's place`(_ failure: FailingStore.Failure) async throws {
        let fixture = try EngineFixture(
            Self.functions(), anonymous: Self.limits(maxQueued: 2),
            store: { FailingStore($0, failingCall: 1, failure, of: .enqueues) })
        let results = await fixture.engine.submit([Self.call(key: "a"), Self.call(key: "b"), Self.call(key: "c")])
        guard case .failure(.storeUnavailable) = results[0], case .failure(.queueFull) = results[2] else {
            Issue.record("\(results)")
            return
        }
        #expect(fixture.engine.counters.hasNoAddresses)
        // A rate limit that is used up gives the place back as well, and so does a key that was used before.
        let again = try await fixture.engine.submit(Self.call(key: "d")).id
        #expect(try await fixture.engine.submit(Self.call(key: "d")).id == again)
        let address = try #require(CallerAddress(Self.one))
        #expect(fixture.engine.counters.queued(of: address) == 1)
    }

    @Test func `A rate limit that is used up keeps nobody's place`() async throws {
        let fixture = try EngineFixture([
            EngineFixture.function { $0.limits.rate = [RateLimit(limit: 1, per: .seconds(10))] }
        ])
        _ = try await fixture.engine.submit(Self.call())
        for _ in 0..<3 { await #expect(throws: Refusal.self) { try await fixture.engine.submit(Self.call()) } }
        let address = try #require(CallerAddress(Self.one))
        #expect(fixture.engine.counters.queued(of: address) == 1)
    }

    @Test func `What a former version has queued is nobody's, and takes no place of others when it leaves`() throws {
        let counters = QueueCounters()
        counters.start(from: [Backlog(function: "f", queued: 2)])
        let job = Job(
            id: JobID(row: 1, random: 1), function: "f", client: Self.one, revision: "r",
            createdAt: Timestamp(milliseconds: 0))
        let address = try #require(CallerAddress(Self.one))
        counters.move(job, from: .queued, to: .running)
        #expect(counters.hasNoAddresses)
        counters.move(job, from: nil, to: .queued)
        counters.move(job, from: nil, to: .queued)
        #expect(counters.queued(of: address) == 2)
        for _ in 0..<3 { counters.move(job, from: .queued, to: nil) }
        #expect(counters.hasNoAddresses)
        #expect(counters["f"].queued == 0)
    }
}
