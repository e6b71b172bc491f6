import JobModel
import JobStore
import JobStoreContract
import Testing
import Timing

@testable import JobEngine

/// Leases of this process that nobody here uses are taken up; those that will be used, or are, never.
@Suite(.timeLimit(.minutes(1))) struct LostLeaseTests {
    private static let function = EngineFixture.function { $0.timeout = .seconds(100_000) }

    /// Waits until the store says that a job runs.
    private func lease(in fixture: EngineFixture) async throws -> HeldLease {
        while true {
            if let held = try await fixture.store.held(after: nil, limit: 1).first { return held }
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Waits until no claim is under way. Rounds are seconds apart where time passes by itself.
    private func settled(_ fixture: EngineFixture) async throws {
        while fixture.engine.dispatcher.claims.earliestOpen != nil {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Takes two rounds to be taken up, is charged as lost, and completes with its second attempt.
    private func expectTakenUp(_ id: JobID, in fixture: EngineFixture, calls: Int = 1) async throws {
        try await settled(fixture)
        await fixture.reconcile()
        #expect(try await fixture.job(id).state == .running)
        #expect(try await fixture.job(id).progress == JobProgress(attempt: 1))
        try await settled(fixture)
        await fixture.reconcile()
        #expect(try await fixture.job(id).progress.lost == 1)
        #expect(try await fixture.calls(calls).last?.attempt == 2)
        fixture.handler.end(EngineFixture.value)
        try await fixture.job(id, until: .completed)
        #expect(try await fixture.attempts(of: id).map(\.result) == [.lost, .completed])
    }

    @Test func `A claim whose answer got lost starts again within two rounds, charged as lost`() async throws {
        let fixture = try EngineFixture(
            [Self.function], store: { FailingStore($0, failingCall: 1, .after, of: .claims) })
        let id = try await fixture.submit()
        try await fixture.running {
            #expect(try await lease(in: fixture).id == id)
            try await expectTakenUp(id, in: fixture)
        }
        #expect(fixture.engine.counters.total(of: .everybody).running == 0)
        #expect(fixture.engine.counters.total(of: .everybody).queued == 0)
    }

    @Test func `A job at the door whose answer got lost is taken up`() async throws {
        let fixture = try EngineFixture(
            [Self.function], store: { FailingStore($0, failingCall: 1, .after, of: .enqueues) })
        try await fixture.running {
            try await fixture.up()
            await #expect(throws: Refusal.self) { try await fixture.submit() }
            try await expectTakenUp(try await lease(in: fixture).id, in: fixture)
        }
    }

    @Test func `What was claimed beside an end whose answer got lost is taken up, and the end counts once`()
        async throws
    {
        let fixture = try EngineFixture(
            [Self.function], concurrency: 1, store: { FailingStore($0, failingCall: 1, .after, of: .settlements) })
        try await fixture.running {
            try await fixture.up()
            let first = try await fixture.submit()
            _ = try await fixture.calls(1)
            let next = try await fixture.submit()
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(first, until: .completed)
            try await fixture.idle()
            #expect(try await lease(in: fixture).id == next)
            try await expectTakenUp(next, in: fixture, calls: 2)
            #expect(try await fixture.attempts(of: first).map(\.result) == [.completed])
        }
    }

    @Test func `A claim whose answer is on its way is left alone`() async throws {
        let gate = StoreGate()
        let fixture = try EngineFixture(
            [Self.function], store: { FailingStore($0, claimed: { await gate.pass() }) })
        let id = try await fixture.submit()
        try await fixture.running {
            _ = await gate.reached.value()
            for _ in 0..<3 { await fixture.reconcile() }
            #expect(try await fixture.job(id).progress == JobProgress(attempt: 1))
            gate.opened.set(())
            #expect(try await fixture.calls(1)[0].attempt == 1)
            for _ in 0..<3 { await fixture.reconcile() }
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(id, until: .completed)
            #expect(try await fixture.attempts(of: id).map(\.result) == [.completed])
        }
    }

    @Test func `A claim beside an end whose answer is on its way is left alone, and so is the end`() async throws {
        let gate = StoreGate()
        let fixture = try EngineFixture(
            [Self.function], concurrency: 1,
            store: { FailingStore($0, settling: .init(after: { await gate.pass() })) })
        try await fixture.running {
            try await fixture.up()
            let first = try await fixture.submit()
            _ = try await fixture.calls(1)
            let next = try await fixture.submit()
            fixture.handler.end(EngineFixture.value)
            _ = await gate.reached.value()
            for _ in 0..<3 { await fixture.reconcile() }
            #expect(try await fixture.job(next).progress == JobProgress(attempt: 1))
            gate.opened.set(())
            #expect(try await fixture.calls(2)[1].attempt == 1)
            fixture.handler.end(EngineFixture.value)
            for id in [first, next] {
                try await fixture.job(id, until: .completed)
                #expect(try await fixture.attempts(of: id).map(\.result) == [.completed])
            }
        }
    }

    @Test func `An end that the store cannot write yet is left alone`() async throws {
        let gate = StoreGate()
        let fixture = try EngineFixture(
            [Self.function], store: { FailingStore($0, settling: .init(before: { await gate.pass() })) })
        try await fixture.running {
            try await fixture.up()
            let id = try await fixture.submit()
            _ = try await fixture.calls(1)
            fixture.handler.end(EngineFixture.value)
            _ = await gate.reached.value()
            for _ in 0..<3 { await fixture.reconcile() }
            #expect(try await fixture.job(id).progress == JobProgress(attempt: 1))
            gate.opened.set(())
            try await fixture.job(id, until: .completed)
            #expect(try await fixture.attempts(of: id).map(\.result) == [.completed])
        }
    }

    @Test func `What goes back without having started is not charged, however long the store takes`() async throws {
        let claimed = StoreGate()
        let givenBack = StoreGate()
        let fixture = try EngineFixture(
            [Self.function],
            store: {
                FailingStore(
                    $0, settling: .init(before: { await givenBack.pass() }), claimed: { await claimed.pass() })
            })
        let id = try await fixture.submit()
        try await fixture.running {
            _ = await claimed.reached.value()
            fixture.engine.adopt(Deployment(revision: "b", functions: [], concurrency: 1))
            claimed.opened.set(())
            _ = await givenBack.reached.value()
            for _ in 0..<3 { await fixture.reconcile() }
            #expect(try await fixture.job(id).progress == JobProgress(attempt: 1))
            givenBack.opened.set(())
            try await fixture.job(id, until: .queued)
            #expect(try await fixture.job(id).progress == JobProgress())
        }
    }

    @Test func `An attempt of hours is never taken up, though nothing renews its lease`() async throws {
        let fixture = try EngineFixture([Self.function])
        try await fixture.running {
            try await fixture.up()
            let id = try await fixture.submit()
            _ = try await fixture.calls(1)
            for _ in 0..<20 {
                fixture.clock.advance(3_600_000)
                await fixture.reconcile()
            }
            #expect(try await fixture.job(id).progress == JobProgress(attempt: 1))
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(id, until: .completed)
            #expect(fixture.handler.calls.count == 1)
        }
    }
}
