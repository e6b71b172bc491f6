import Dispatching
import JobModel
import JobStore
import JobStoreContract
import Testing

@testable import JobEngine

/// A job that crashes have cut off twice.
@Suite(.timeLimit(.minutes(1))) struct SuspectTests {
    /// Everything queued is claimed twice, and twice nobody brings it to an end.
    private static func cutOff(_ fixture: EngineFixture, _ function: String = "f", lane: Int64 = 0) async throws {
        for _ in 0..<2 {
            let request = ClaimBatch(
                [LaneClaim(function: function, lane: lane, limit: 10)], revision: Sample.revision,
                at: fixture.clock.now())
            #expect(try await fixture.store.claim(request).first?.jobs.isEmpty == false)
            await fixture.reconcile()
            await fixture.reconcile()
        }
    }

    private static let keyed = EngineFixture.function {
        $0.limits.concurrency = [ConcurrencyLimit(limit: 5, key: ValuePath("payload.tenant").map { .value($0) })]
    }

    @Test(arguments: [EngineFixture.function(), keyed])
    func `It runs alone: what comes meanwhile starts when it has ended`(function: Function) async throws {
        let fixture = try EngineFixture([function])
        let suspects = [
            try await fixture.submit("f", #"{"tenant": 1}"#), try await fixture.submit("f", #"{"tenant": 1}"#),
        ]
        let lane = LimitKeys.of(try await fixture.job(suspects[0]).job, function).lane
        try await Self.cutOff(fixture, lane: lane)
        #expect(try await fixture.job(suspects[0]).progress.lost == 2)
        try await fixture.running {
            #expect(try await fixture.calls(1).map(\.job.id) == [suspects[0]])
            let other = try await fixture.submit("f", #"{"tenant": 2}"#)
            let until = fixture.clock.now().wall + .seconds(5)
            #expect(try await fixture.engine.explain(try await fixture.job(other)) == [.held(until: until)])
            let reasons = try await fixture.engine.explain(try await fixture.job(suspects[1]))
            guard case .suspect(_?)? = reasons.first else {
                Issue.record("\(reasons)")
                return
            }
            fixture.handler.end(EngineFixture.value)
            #expect(try await fixture.calls(2).last?.job.id == suspects[1])
            fixture.handler.end(EngineFixture.value)
            #expect(try await fixture.calls(3).last?.job.id == other)
            fixture.handler.end(EngineFixture.value)
            for id in suspects + [other] { try await fixture.job(id, until: .completed) }
            #expect(try await fixture.engine.figures().startHolds == 1)
        }
    }

    @Test func `Five seconds later others start beside it`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        let suspect = try await fixture.submit()
        try await Self.cutOff(fixture)
        try await fixture.running {
            _ = try await fixture.calls(1)
            let other = try await fixture.submit()
            fixture.clock.advance(4999)
            try await fixture.alarm(in: 1)
            #expect(try await fixture.job(other).state == .queued)
            fixture.clock.advance(1)
            #expect(try await fixture.calls(2).map(\.job.id) == [suspect, other])
        }
    }

    @Test func `Beside what never ends it starts after five minutes, and says so before`() async throws {
        let fixture = try EngineFixture([
            EngineFixture.function(), EngineFixture.function("long") { $0.timeout = .seconds(3600) },
        ])
        let suspect = try await fixture.submit()
        try await Self.cutOff(fixture)
        fixture.engine.dispatcher.setPaused("f", true)
        try await fixture.running {
            let long = try await fixture.submit("long")
            _ = try await fixture.calls(1)
            fixture.engine.dispatcher.setPaused("f", false)
            let until = fixture.clock.now().wall + .seconds(300)
            while try await fixture.engine.explain(try await fixture.job(suspect)) != [.suspect(until: until)] {}
            let start = fixture.clock.now().monotonic
            while fixture.handler.calls.count == 1, fixture.clock.now().monotonic < start + 1_000_000 {
                fixture.clock.advance(500)
                for _ in 0..<20 { await Task.yield() }
            }
            #expect(try await fixture.calls(2).map(\.job.id) == [long, suspect])
            #expect(fixture.clock.now().monotonic - start >= 300_000)
            #expect(try await (1...5).contains(fixture.engine.figures().startHolds))
        }
    }

    @Test func `It stays one until its run has ended, and its next run is like any other`() async throws {
        let fixture = try EngineFixture([EngineFixture.function { $0.retry.attempts = 2 }])
        let id = try await fixture.submit()
        try await Self.cutOff(fixture)
        let lane = LimitKeys.lane(ofSuspectsFrom: 0)
        #expect(try await fixture.store.lanes(of: "f", after: nil, limit: 10).map(\.lane) == [lane])
        try await fixture.running {
            _ = try await fixture.calls(1)
            fixture.handler.end(EngineFixture.failure)
            try await fixture.job(id, until: .queued)
            #expect(try await fixture.store.lanes(of: "f", after: nil, limit: 10).map(\.lane) == [lane])
            fixture.clock.advance(2000)
            _ = try await fixture.calls(2)
            fixture.handler.end(EngineFixture.failure)
            try await fixture.job(id, until: .failed)
            try await fixture.idle()
            fixture.engine.dispatcher.setPaused("f", true)
            #expect(try await fixture.engine.retry(id, as: .admin) == .retried(run: 2))
            #expect(try await fixture.store.lanes(of: "f", after: nil, limit: 10).map(\.lane) == [0])
        }
    }

    @Test func `A shutdown gives it back as what it is`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()], grace: .zero)
        let id = try await fixture.submit()
        try await Self.cutOff(fixture)
        try await fixture.running { _ = try await fixture.calls(1) }
        let job = try await fixture.job(id)
        #expect(job.state == .queued)
        #expect(job.progress.lost == 2)
        #expect(job.progress.attempt == 2)
        let lanes = try await fixture.store.lanes(of: "f", after: nil, limit: 10)
        #expect(lanes.map(\.lane) == [LimitKeys.lane(ofSuspectsFrom: 0)])
    }
}
