import JobModel
import JobStore
import Testing

/// What every store does with clocks, and with what a run was.
extension StoreContract {
    private static func time(_ milliseconds: Int64) -> Timestamp { Sample.now + .milliseconds(milliseconds) }

    private static func named(_ due: Int64, random: UInt64 = 7) -> NewJob {
        var job = Sample.job(random: random, due: due)
        job.namesWall = job.due
        return job
    }

    private static func snapshot(of id: JobID, in store: any EngineStore) async throws -> JobSnapshot {
        try #require(try await store.fetch([id], including: []).first?.snapshot)
    }

    static let clocks: [StoreContractCase] = [
        StoreContractCase(name: "how the steady clock stands is kept") { store in
            #expect(try await store.clockMark() == nil)
            for offset in [-3_600_000, 5] as [Int64] {
                let mark = ClockMark(steady: time(offset), offset: .milliseconds(offset))
                try await store.keep(mark)
                #expect(try await store.clockMark() == mark)
            }
        },
        StoreContractCase(name: "jobs that name a wall time follow the wall clock, the others do not") { store in
            let ids = try await store.accept(
                named(1000), Sample.job(due: 1000), named(2000), named(2000, random: 8), named(3000))
            var moved: [LaneDue] = []
            var cursor: FollowedJobs.Cursor?
            var rounds = 0
            repeat {
                let followed = try await store.follow(offset: .seconds(-3600), after: cursor, limit: 2)
                moved += followed.moved.map(\.lane)
                #expect(followed.moved.allSatisfy { $0.function == "f" })
                cursor = followed.next
                rounds += 1
            } while cursor != nil && rounds < 10
            #expect(moved.map(\.due) == [3_601_000, 3_602_000, 3_602_000, 3_603_000].map(time))
            for (id, due) in zip(ids, [3_601_000, 1000, 3_602_000, 3_602_000, 3_603_000] as [Int64]) {
                let job = try await snapshot(of: id, in: store)
                #expect(job.runAt == time(due))
                // The span from the named time to the deadline stays.
                #expect(job.deadline == time(3_600_000 + (due < 3_600_000 ? 0 : 3_600_000)))
            }
            let again = try await store.follow(offset: .seconds(-3600), after: nil, limit: 10)
            #expect(again == FollowedJobs(moved: [], next: nil))
            #expect(try await store.follow(offset: .zero, after: nil, limit: 10).moved.count == 4)
        },
        StoreContractCase(name: "a job that has started follows no more") { store in
            let id = try #require(try await store.accept(named(0)).first)
            let live = try #require(try await store.claim().first)
            #expect(try await store.follow(offset: .seconds(-60), after: nil, limit: 10).moved.isEmpty)
            #expect(try await store.settle([Sample.again(live, due: 500)]) == [.settled])
            #expect(try await store.follow(offset: .seconds(-60), after: nil, limit: 10).moved.isEmpty)
            #expect(try await snapshot(of: id, in: store).runAt == time(500))
        },
        StoreContractCase(name: "what a run came to is known after the next has begun") { store in
            let id = try #require(try await store.accept(Sample.job()).first)
            #expect(try await store.end(of: 1, id) == nil)
            let live = try #require(try await store.claim().first)
            #expect(live.state == .running)
            #expect(try await store.settle([Sample.failure(live)]) == [.settled])
            let ended = try #require(try await store.fetch([id], including: [.payload, .value]).first?.snapshot)
            #expect(try await store.end(of: 1, id) == ended)
            let retry = RetryRequest(id: id, deadline: time(3_600_000))
            #expect(try await store.retry([retry], at: time(20)) == [.retried(run: 2)])
            #expect(try await store.end(of: 1, id) == ended)
            #expect(try await store.end(of: 2, id) == nil)
            let guessed = JobID(row: id.row, random: id.random &+ 1)
            #expect(try await store.end(of: 1, guessed) == nil)
        },
        StoreContractCase(name: "webhooks are due when their end says so, whatever the wall clock said") { store in
            _ = try await store.accept(Sample.job())
            var settlement = Sample.success(try #require(try await store.claim().first))
            settlement.deliveries = [NewDelivery(audience: .caller, url: "http://example.com/", body: [])]
            settlement.deliveriesDue = time(-500)
            #expect(try await store.settle([settlement]) == [.settled])
            let claim = try await store.claimDeliveries(limit: 1, at: time(-500))
            #expect(claim.deliveries.count == 1)
        },
    ]
}

extension JobLookup {
    fileprivate var snapshot: JobSnapshot? { if case .found(let job) = self { job } else { nil } }
}
