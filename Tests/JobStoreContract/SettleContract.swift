import JobModel
import JobStore
import Testing

/// What becomes of attempts, and of jobs that end without one.
extension StoreContract {
    static let settling: [StoreContractCase] = [
        StoreContractCase(name: "a success ends the job with value and attempt") { store in
            let id = try await store.accept(Sample.job())[0]
            let live = try await store.claim()[0]
            #expect(try await store.settle([Sample.success(live)]) == [.settled])
            let job = try #require(try await store.snapshot(id))
            #expect(job.state == .completed)
            #expect(job.value == Array("[1]".utf8))
            #expect(job.completedAt == Sample.now + .milliseconds(10))
            #expect(job.progress.attempt == 1)
            #expect(try await store.attempts(of: id) == [Sample.attempt(live, .completed, at: 10)])
            #expect(try await store.snapshot(id, [])?.value == nil)
        },
        StoreContractCase(name: "a late result is stale and changes nothing") { store in
            let id = try await store.accept(Sample.job())[0]
            let first = try await store.claim()[0]
            #expect(try await store.settle([Sample.again(first, due: 0)]) == [.settled])
            #expect(try await store.settle([Sample.success(first)]) == [.stale])
            let second = try await store.claim()[0]
            #expect(second.progress.attempt == 2)
            #expect(second.progress.lastError == "not yet")
            #expect(try await store.settle([Sample.success(first), Sample.success(second)]) == [.stale, .settled])
            #expect(try await store.settle([Sample.failure(second)]) == [.stale])
            #expect(try await store.snapshot(id)?.state == .completed)
            #expect(try await store.attempts(of: id).map(\.number) == [1, 2])
        },
        StoreContractCase(name: "a retry waits until it is due") { store in
            _ = try await store.accept(Sample.job())
            let live = try await store.claim()[0]
            _ = try await store.settle([Sample.again(live, due: 500)])
            #expect(try await store.claim(at: 499).isEmpty)
            #expect(
                try await store.claim(at: 500).map(\.progress) == [
                    JobProgress(run: 1, attempt: 2, used: 1, lastError: "not yet")
                ])
        },
        StoreContractCase(name: "what is claimed along with ends may be what they send back") { store in
            let ids = try await store.accept(Sample.job(due: 1), Sample.job(due: 2), Sample.job(due: 3))
            let running = try await store.claim(limit: 2, at: 2)
            let claim = ClaimBatch(
                [LaneClaim(function: "f", limit: 2), LaneClaim(function: "g", limit: 1)], revision: Sample.revision,
                at: Sample.moment(10))
            let (results, claimed) = try await store.settle {
                SettleBatch(
                    settlements: [Sample.success(running[0]), Sample.again(running[1], due: 10)], claim: claim)
            }
            #expect(results == [.settled, .settled])
            #expect(claimed.map(\.function) == ["f", "g"])
            #expect(claimed.map { $0.jobs.map(\.job.id) } == [[ids[2], ids[1]], []])
            #expect(claimed[0].jobs.map(\.progress.attempt) == [1, 2])
            #expect(try await store.settle([Sample.success(running[1])]) == [.stale])
            #expect(try await store.backlog().map(\.running) == [2])
        },
        StoreContractCase(name: "a queued job is ended without a lease, a running one is not") { store in
            let ids = try await store.accept(Sample.job(due: 1000), Sample.job())
            let running = try await store.claim()
            #expect(running.map(\.job.id) == [ids[1]])
            let settlements = ids.map { id in
                Settlement(
                    id: id, lease: nil, progress: JobProgress(), attempt: nil,
                    change: .end(Ending(.cancelled), at: Sample.now, keepUntil: Sample.now, tombstoneUntil: Sample.now))
            }
            #expect(try await store.settle(settlements) == [.settled, .stale])
            #expect(try await store.snapshot(ids[0])?.state == .cancelled)
            #expect(try await store.snapshot(ids[1])?.state == .running)
        },
        StoreContractCase(name: "a job that ran since is not ended by whoever saw it queued before") { store in
            let id = try await store.accept(Sample.job())[0]
            _ = try await store.settle([Sample.again(try await store.claim()[0], due: 0)])
            let late = Settlement(
                id: id, lease: nil, progress: JobProgress(), attempt: nil,
                change: .end(Ending(.cancelled), at: Sample.now, keepUntil: Sample.now, tombstoneUntil: Sample.now))
            #expect(try await store.settle([late]) == [.stale])
            #expect(try await store.snapshot(id)?.state == .queued)
        },
        StoreContractCase(name: "a manual retry opens the next run and keeps what was") { store in
            let id = try await store.accept(Sample.job(priority: 4))[0]
            let request = RetryRequest(id: id, deadline: Sample.now + .seconds(100))
            #expect(try await store.retry([request], at: Sample.now) == [.refused(.queued)])
            let first = try await store.claim()[0]
            #expect(try await store.retry([request], at: Sample.now) == [.refused(.running)])
            _ = try await store.settle([Sample.failure(first)])
            #expect(try await store.retry([request], at: Sample.now + .milliseconds(20)) == [.retried(run: 2)])
            #expect(try await store.retry([request], at: Sample.now) == [.refused(.queued)])
            let waiting = try #require(try await store.snapshot(id))
            #expect(waiting.state == .queued)
            #expect(waiting.progress == JobProgress(run: 2, attempt: 1))
            #expect(waiting.deadline == Sample.now + .seconds(100))
            let second = try await store.claim(at: 30)[0]
            #expect(second.progress == JobProgress(run: 2, attempt: 2))
            _ = try await store.settle([Sample.success(second)])
            #expect(try await store.retry([request], at: Sample.now) == [.refused(.completed)])
            #expect(try await store.snapshot(id)?.state == .completed)
            let attempts = try await store.attempts(of: id)
            #expect(attempts.map(\.number) == [1, 2])
            #expect(attempts.map(\.run) == [1, 2])
            let unknown = RetryRequest(id: JobID(row: 1, random: 1), deadline: Sample.now)
            #expect(try await store.retry([unknown], at: Sample.now) == [.unknown])
        },
    ]
}
