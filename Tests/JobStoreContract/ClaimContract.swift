import JobModel
import JobStore
import Testing

/// Which jobs a claim takes.
extension StoreContract {
    static let claiming: [StoreContractCase] = [
        StoreContractCase(name: "a claim takes due jobs of the function, priority first, then the longest due") {
            store in
            let ids = try await store.accept(
                Sample.job(due: 20), Sample.job(due: 10), Sample.job(due: 15, priority: 5), Sample.job(due: 100),
                Sample.job("g", due: 1))
            let claimed = try await store.claim(at: 50)
            #expect(claimed.map(\.job.id) == [ids[2], ids[1], ids[0]])
            #expect(claimed.allSatisfy { $0.progress.attempt == 1 && $0.lease != nil && $0.revision == "cafecafecafe" })
            #expect(Set(claimed.map(\.lease)).count == 3)
            #expect(claimed[0].startedAt == Sample.now + .milliseconds(50))
            #expect(try await store.claim(at: 50).isEmpty)
            let job = try #require(try await store.snapshot(ids[0]))
            #expect(job.state == .running)
            #expect(job.progress.attempt == 1)
        },
        StoreContractCase(name: "a claim says when the next job is due") { store in
            _ = try await store.accept(Sample.job(due: 10), Sample.job(due: 20), Sample.job(due: 500, priority: 9))
            let lanes = [LaneClaim(function: "f", limit: 1), LaneClaim(function: "none", limit: 1)]
            let cut = try await store.claim(
                ClaimBatch(lanes, revision: Sample.revision, at: Sample.moment(50)))
            #expect(cut.map(\.jobs.count) == [1, 0])
            #expect((cut[0].nextDue ?? Sample.now + .seconds(9)) <= Sample.now + .milliseconds(50))
            #expect(cut[1].nextDue == nil)
            let rest = try await store.claim(
                ClaimBatch(
                    [LaneClaim(function: "f", limit: 5)], revision: Sample.revision, at: Sample.moment(50)))
            #expect(rest[0].jobs.count == 1)
            #expect(rest[0].nextDue == Sample.now + .milliseconds(500))
        },
        StoreContractCase(name: "a job past its deadline is not claimed but overdue") { store in
            let id = try await store.accept(Sample.job(deadline: 100))[0]
            #expect(try await store.overdue(limit: 5, at: Sample.now + .milliseconds(99)).isEmpty)
            #expect(try await store.claim(at: 100).isEmpty)
            let overdue = try await store.overdue(limit: 5, at: Sample.now + .milliseconds(100))
            #expect(overdue.map(\.job.id) == [id])
            let settlement = Settlement(
                id: id, lease: nil, progress: overdue[0].progress, attempt: nil,
                change: .end(Ending(.timeout), at: Sample.now, keepUntil: Sample.now, tombstoneUntil: Sample.now))
            #expect(try await store.settle([settlement]) == [.settled])
            #expect(try await store.snapshot(id)?.state == .timeout)
            #expect(try await store.attempts(of: id).isEmpty)
        },
        StoreContractCase(name: "hundreds of claims at once never share a job") { store in
            let jobs = (0..<300).map { _ in Sample.job() }
            _ = try await store.enqueue(jobs, at: Sample.now)
            let claimed = try await withThrowingTaskGroup(of: [JobID].self) { group in
                for _ in 0..<60 { group.addTask { try await store.claim(limit: 7).map(\.job.id) } }
                return try await group.reduce(into: [JobID]()) { $0 += $1 }
            }
            #expect(claimed.count == 300)
            #expect(Set(claimed).count == 300)
        },
    ]
}
