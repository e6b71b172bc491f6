import JobModel
import JobStore
import Testing

/// Queued jobs by lane.
extension StoreContract {
    static let lanes: [StoreContractCase] = [
        StoreContractCase(name: "lanes are claimed apart, and listed with what is due first") { store in
            let jobs = [
                Sample.job(lane: 7, due: 30), Sample.job(lane: 7, due: 40, priority: 5), Sample.job(lane: -3, due: 20),
                Sample.job(lane: .min, due: 10), Sample.job(lane: .max, due: 5), Sample.job("g", lane: 7),
            ]
            _ = try await store.enqueue(jobs, at: Sample.now)
            func lane(_ lane: Int64, _ due: Int64) -> LaneDue {
                LaneDue(lane: lane, due: Sample.now + .milliseconds(due))
            }
            let all = [lane(.min, 10), lane(-3, 20), lane(7, 30), lane(.max, 5)]
            #expect(try await store.lanes(of: "f", after: nil, limit: 10) == all)
            #expect(try await store.lanes(of: "f", after: nil, limit: 2) == Array(all[..<2]))
            #expect(try await store.lanes(of: "f", after: -3, limit: 10) == Array(all[2...]))
            #expect(try await store.lanes(of: "none", after: nil, limit: 10).isEmpty)
            let claimed = try await store.claim(lane: 7, at: 50)
            #expect(claimed.map(\.due) == [Sample.now + .milliseconds(40), Sample.now + .milliseconds(30)])
            #expect(claimed.allSatisfy { $0.lane == 7 })
            #expect(try await store.lanes(of: "f", after: nil, limit: 10).map(\.lane) == [.min, -3, .max])
        },
        StoreContractCase(name: "a job can go back to another lane") { store in
            let id = try await store.accept(Sample.job(lane: 1, due: 5))[0]
            let live = try await store.claim(lane: 1, at: 10)[0]
            var progress = live.progress
            progress.attempt -= 1
            let back = Settlement(
                id: id, lease: live.lease, progress: progress, attempt: nil, change: .queue(at: live.due, lane: 2))
            #expect(try await store.settle([back]) == [.settled])
            #expect(try await store.claim(lane: 1, at: 10).isEmpty)
            #expect(try await store.claim(lane: 2, at: 10).map(\.progress.attempt) == [1])
        },
    ]
}
