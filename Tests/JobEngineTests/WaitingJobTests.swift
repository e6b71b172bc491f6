import CSQLite
import JobEngine
import JobModel
import Testing

/// Jobs that wait for a signal, made by hand: no handler makes them yet.
@Suite(.timeLimit(.minutes(1))) struct WaitingJobTests {
    /// A job that has been queued, and waits when its engine starts.
    private func waiting() async throws -> (fixture: EngineFixture, engine: JobEngine, id: JobID) {
        let fixture = try EngineFixture([EngineFixture.function { $0.maxWait = .seconds(60) }])
        let id = try await fixture.submit(owner: "a")
        var database: OpaquePointer?
        try #require(sqlite3_open(fixture.path, &database) == SQLITE_OK)
        defer { sqlite3_close(database) }
        try #require(sqlite3_exec(database, "UPDATE queue SET state = 2", nil, nil, nil) == SQLITE_OK)
        let engine = try fixture.restarted()
        try await engine.start()
        #expect(Self.counts(engine.gauges["f"]) == [0, 0, 1])
        return (fixture, engine, id)
    }

    private static func counts(_ gauge: FunctionGauges.Gauge) -> [Int] { [gauge.queued, gauge.running, gauge.waiting] }

    @Test func `A waiting job that is cancelled leaves no place taken`() async throws {
        let (fixture, engine, id) = try await waiting()
        // It removes its database when it goes.
        defer { withExtendedLifetime(fixture) {} }
        guard case .cancelled = try await engine.cancel(id, force: false) else {
            Issue.record("not cancelled")
            return
        }
        #expect(Self.counts(engine.gauges["f"]) == [0, 0, 0])
        #expect(Self.counts(engine.gauges.total(of: "a")) == [0, 0, 0])
    }

    @Test func `A waiting job whose maxWait is over leaves no place taken`() async throws {
        let (fixture, engine, _) = try await waiting()
        fixture.clock.advance(60_000)
        await engine.reclaimer.tick()
        #expect(Self.counts(engine.gauges["f"]) == [0, 0, 0])
        #expect(Self.counts(engine.gauges.total(of: "a")) == [0, 0, 0])
    }
}
