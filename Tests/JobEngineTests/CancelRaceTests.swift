import JobModel
import JobStore
import JobStoreContract
import Synchronization
import Testing

@testable import JobEngine

/// A cancellation answers for the run that it ended, whoever opens the next one meanwhile.
@Suite(.timeLimit(.minutes(1))) struct CancelRaceTests {
    /// Does something once, when a settlement has been written and nobody knows of it yet.
    private final class Interloper: Sendable {
        private let next = Mutex<(@Sendable () async -> Void)?>(nil)

        func then(_ body: @escaping @Sendable () async -> Void) { next.withLock { $0 = body } }

        func act() async {
            let body = next.withLock { next in
                defer { next = nil }
                return next
            }
            await body?()
        }
    }

    private func fixture(_ interloper: Interloper) throws -> EngineFixture {
        try EngineFixture(
            [EngineFixture.function()],
            store: { FailingStore($0, settling: .init(after: { await interloper.act() })) })
    }

    @Test func `A queued job that is retried at once keeps its next run`() async throws {
        let interloper = Interloper()
        let fixture = try fixture(interloper)
        let id = try await fixture.submit(start: .after(.seconds(60)))
        interloper.then {
            #expect((try? await fixture.engine.retry(id, as: .admin)) == .retried(run: 2))
        }
        guard case .cancelled(let job) = try await fixture.engine.cancel(id, as: .admin, force: false) else {
            Issue.record("not cancelled")
            return
        }
        #expect(job.progress.run == 1 && job.state == .cancelled && job.completedAt != nil)
        let next = try await fixture.job(id)
        #expect(next.progress.run == 2 && next.state == .queued)
    }

    @Test func `A running job that is retried at once keeps its next run`() async throws {
        let interloper = Interloper()
        let fixture = try fixture(interloper)
        try await fixture.running {
            let id = try await fixture.submit()
            _ = try await fixture.calls(1)
            interloper.then {
                #expect((try? await fixture.engine.retry(id, as: .admin)) == .retried(run: 2))
            }
            guard case .cancelled(let job) = try await fixture.engine.cancel(id, as: .admin, force: true) else {
                Issue.record("not cancelled")
                return
            }
            #expect(job.progress.run == 1 && job.state == .cancelled)
            _ = try await fixture.calls(2)
            let next = try await fixture.job(id)
            #expect(next.progress.run == 2 && next.state == .running)
            fixture.handler.end(EngineFixture.value)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(id, until: .completed)
        }
    }

    @Test func `Of two who cancel one run both are answered, and the next run stays`() async throws {
        let interloper = Interloper()
        let fixture = try fixture(interloper)
        let id = try await fixture.submit(start: .after(.seconds(60)))
        interloper.then {
            // The other comes between the end and the retry, or between the look and the end.
            _ = try? await fixture.engine.cancel(id, as: .admin, force: false)
            #expect((try? await fixture.engine.retry(id, as: .admin)) == .retried(run: 2))
        }
        guard case .cancelled(let job) = try await fixture.engine.cancel(id, as: .admin, force: false) else {
            Issue.record("not cancelled")
            return
        }
        #expect(job.progress.run == 1)
        #expect(try await fixture.job(id).state == .queued)
    }
}
