import JobModel
import JobStore
import JobStoreContract
import Testing
import Timing

@testable import JobEngine

/// What comes between the end of an attempt and the commit that writes it and claims what follows.
@Suite(.timeLimit(.minutes(1))) struct CompletionWriterTests {
    @Test func `A shutdown that meets a claim under way does not wait for what never starts`() async throws {
        let gate = StoreGate()
        let fixture = try EngineFixture(
            [EngineFixture.function()], concurrency: 1,
            store: { FailingStore($0, settling: .init(after: { await gate.pass() })) })
        let next = try await fixture.running {
            let first = try await fixture.submit()
            _ = try await fixture.calls(1)
            let next = try await fixture.submit()
            fixture.handler.end(EngineFixture.value)
            // The first has ended and the next is claimed, and nobody knows of it yet.
            _ = await gate.reached.value()
            #expect(try await fixture.job(next).state == .running)
            fixture.engine.dispatcher.beginDraining()
            try await fixture.alarm(in: 5000)
            gate.opened.set(())
            try await fixture.job(first, until: .completed)
            try await fixture.alarm(in: 5000, isThere: false)
            return next
        }
        // No time has passed.
        #expect(try await fixture.job(next).state == .queued)
        #expect(try await fixture.job(next).progress == JobProgress())
        #expect(fixture.handler.calls.count == 1)
    }

    @Test func `Slots that become free together let what is due later start in time`() async throws {
        let gate = StoreGate()
        let fixture = try EngineFixture(
            [EngineFixture.function()], concurrency: 4,
            store: { FailingStore($0, settling: .init(before: { await gate.pass() })) })
        try await fixture.running {
            try await fixture.up()
            for _ in 0..<4 { _ = try await fixture.submit() }
            _ = try await fixture.calls(4)
            _ = try await fixture.submit(start: .after(.milliseconds(100)))
            // Without a free slot it does not matter when something is due.
            try await fixture.alarm(in: 1000)
            for _ in 0..<2 { fixture.handler.end(EngineFixture.value) }
            _ = await gate.reached.value()
            for _ in 0..<200 { await Task.yield() }
            gate.opened.set(())
            try await fixture.alarm(in: 100)
            fixture.clock.advance(100)
            #expect(try await fixture.calls(5).count == 5)
            for _ in 0..<3 { fixture.handler.end(EngineFixture.value) }
            try await fixture.idle()
        }
    }

    @Test func `What was claimed before its function went goes back without an attempt`() async throws {
        let gate = StoreGate()
        let fixture = try EngineFixture(
            [EngineFixture.function()], concurrency: 1,
            store: { FailingStore($0, settling: .init(after: { await gate.pass() })) })
        try await fixture.running {
            try await fixture.up()
            let first = try await fixture.submit()
            _ = try await fixture.calls(1)
            let next = try await fixture.submit()
            fixture.handler.end(EngineFixture.value)
            _ = await gate.reached.value()
            #expect(try await fixture.job(next).state == .running)
            fixture.engine.adopt(Deployment(revision: "b", functions: [], concurrency: 1))
            gate.opened.set(())
            try await fixture.job(first, until: .completed)
            try await fixture.job(next) { $0.state == .queued && $0.progress == JobProgress() }
            #expect(fixture.handler.calls.count == 1)
            // It goes on when the function returns.
            fixture.engine.adopt(Deployment(revision: "c", functions: [EngineFixture.function()], concurrency: 1))
            _ = try await fixture.calls(2)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(next, until: .completed)
            #expect(try await fixture.attempts(of: next).map(\.revision) == ["c"])
        }
    }
}
