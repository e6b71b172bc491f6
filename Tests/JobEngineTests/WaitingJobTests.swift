import JobModel
import JobStore
import Testing

@testable import JobEngine

/// Jobs that wait for a signal after their attempt has succeeded.
@Suite(.timeLimit(.minutes(1))) struct WaitingJobTests {
    private static func counts(_ gauge: QueueCounters.Gauge) -> [Int] { [gauge.queued, gauge.running, gauge.waiting] }

    private func submit(_ fixture: EngineFixture, maxWait: Duration? = nil) async throws -> JobID {
        var options = JobOptions()
        options.waitsForSignal = true
        options.maxWait = maxWait
        return try await fixture.engine.submit(
            Submission(function: "f", payload: nil, owner: "a", options: options)
        ).id
    }

    /// A function with one slot, and a job that waits.
    private func waiting(
        maxWait: Duration? = nil, then: @escaping @Sendable (EngineFixture, JobID) async throws -> Void
    ) async throws {
        let fixture = try EngineFixture([EngineFixture.function()], concurrency: 1)
        try await fixture.running {
            try await fixture.up()
            let id = try await submit(fixture, maxWait: maxWait)
            _ = try await fixture.calls(1)
            fixture.handler.end(EngineFixture.value)
            let job = try await fixture.job(id, until: .waiting)
            #expect(job.progress.attempt == 1 && job.progress.used == 1)
            // Counted after the commit, which the job was read from.
            while Self.counts(fixture.engine.counters["f"]) != [0, 0, 1] { await Task.yield() }
            #expect(Self.counts(fixture.engine.counters.total(of: .owner("a"))) == [0, 0, 1])
            try await then(fixture, id)
        }
    }

    private static func expectNothingTaken(_ engine: JobEngine) {
        #expect(counts(engine.counters["f"]) == [0, 0, 0])
        #expect(counts(engine.counters.total(of: .owner("a"))) == [0, 0, 0])
    }

    @Test func `A waiting job holds no slot, and leaves no place taken when it is cancelled`() async throws {
        try await waiting { fixture, id in
            let next = try await fixture.submit()
            _ = try await fixture.calls(2)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(next, until: .completed)
            guard case .cancelled = try await fixture.engine.cancel(id, as: .admin, force: false) else {
                Issue.record("not cancelled")
                return
            }
            try await fixture.idle()
            Self.expectNothingTaken(fixture.engine)
        }
    }

    @Test func `A waiting job whose maxWait is over times out and leaves no place taken`() async throws {
        try await waiting(maxWait: .seconds(60)) { fixture, id in
            fixture.clock.advance(60_000)
            await fixture.engine.reclaimer.tick()
            let job = try await fixture.job(id)
            #expect(job.state == .timeout)
            Self.expectNothingTaken(fixture.engine)
        }
    }

    @Test func `A restart finds waiting jobs as they were`() async throws {
        try await waiting { fixture, id in
            let engine = try fixture.restarted()
            try await engine.start()
            #expect(Self.counts(engine.counters["f"]) == [0, 0, 1])
            _ = try await engine.cancel(id, as: .admin, force: false)
            Self.expectNothingTaken(engine)
        }
    }

    @Test func `A failing attempt is tried again before the job waits`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()], outcomes: [EngineFixture.failure])
        try await fixture.running {
            try await fixture.up()
            let id = try await submit(fixture)
            try await fixture.job(id) { $0.state == .queued && $0.progress.attempt == 1 }
            fixture.clock.advance(3_600_000)
            _ = try await fixture.calls(2)
            fixture.handler.end(EngineFixture.value)
            let job = try await fixture.job(id, until: .waiting)
            #expect(job.progress.attempt == 2)
        }
    }
}
