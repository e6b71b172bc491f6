import JobModel
import JobStore
import Testing

@testable import JobEngine

/// Whoever may not see a job gets the answers for one that never was, from every verb.
@Suite(.timeLimit(.minutes(1))) struct ViewerTests {
    private static let strangers: [Viewer] = [.account("b"), .link(account: "b"), .link(account: nil)]

    @Test(arguments: strangers) func `Somebody else's job never was`(_ viewer: Viewer) async throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        let engine = fixture.engine
        let id = try await fixture.submit(owner: "a", start: .after(.seconds(60)))
        #expect(try await engine.job(id, as: viewer) == .unknown)
        #expect(try await engine.cancel(id, as: viewer, force: true) == .gone)
        #expect(try await engine.retry(id, as: viewer) == .unknown)
        #expect(try engine.look(at: id, as: viewer) == .unknown)
        #expect(try await engine.list(JobFilter(), as: viewer, after: nil, newestFirst: true, limit: 9).entries.isEmpty)
        var others = JobFilter()
        others.owner = "a"
        #expect(try await engine.list(others, as: viewer, after: nil, newestFirst: true, limit: 9).total.count == 0)
        #expect(engine.overview(as: viewer).queued == 0)
        #expect(try await engine.summaries(as: viewer).first?.gauge == QueueCounters.Gauge())
        // Nothing was changed.
        #expect(try await fixture.job(id).state == .queued)
    }

    @Test(arguments: [Viewer.account("a"), .link(account: "a"), .admin])
    func `Its owner and the admin see it`(_ viewer: Viewer) async throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        let id = try await fixture.submit(owner: "a", start: .after(.seconds(60)))
        #expect(try await fixture.engine.job(id, as: viewer).snapshot?.job.id == id)
        let list = try await fixture.engine.list(JobFilter(), as: viewer, after: nil, newestFirst: true, limit: 9)
        #expect(list.entries.map(\.job.job.id) == [id])
        #expect(fixture.engine.overview(as: viewer).queued == 1)
        guard case .cancelled = try await fixture.engine.cancel(id, as: viewer, force: false) else {
            Issue.record("not cancelled")
            return
        }
        #expect(try await fixture.engine.retry(id, as: viewer) == .retried(run: 2))
    }

    @Test func `A job without an owner is for whoever has its link, and in nobody's list but the admin's`() async throws
    {
        let fixture = try EngineFixture([EngineFixture.function()])
        let id = try await fixture.submit(start: .after(.seconds(60)))
        for viewer in [Viewer.link(account: nil), .link(account: "b"), .admin] {
            #expect(try await fixture.engine.job(id, as: viewer).snapshot != nil)
        }
        #expect(try await fixture.engine.job(id, as: .account("b")) == .unknown)
        for viewer in [Viewer.link(account: nil), .link(account: "b"), .account("b")] {
            let list = try await fixture.engine.list(JobFilter(), as: viewer, after: nil, newestFirst: true, limit: 9)
            #expect(list.entries.isEmpty && list.total.count == 0)
        }
        #expect(fixture.engine.overview(as: .admin).queued == 1)
    }

    @Test func `A purged job is told to its owner only`() async throws {
        let fixture = try EngineFixture([EngineFixture.function { $0.retention.failed = .seconds(1) }])
        let id = try await fixture.submit(owner: "a", start: .after(.seconds(60)))
        _ = try await fixture.engine.cancel(id, as: .admin, force: false)
        fixture.clock.advance(2000)
        await fixture.engine.pruner.tick()
        guard case .purged = try await fixture.engine.job(id, as: .account("a")) else {
            Issue.record("not purged")
            return
        }
        for viewer in Self.strangers { #expect(try await fixture.engine.job(id, as: viewer) == .unknown) }
    }
}
