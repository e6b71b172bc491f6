import JobModel
import JobStore
import Testing

/// Jobs that wait for a signal.
extension StoreContract {
    static let waiting: [StoreContractCase] = [
        StoreContractCase(name: "a job that waits has no lease, keeps its attempt and ends once") { store in
            let id = try #require(try await store.accept(Sample.job(owner: "me")).first)
            let live = try #require(try await store.claim().first)
            let wait = Sample.wait(live)
            #expect(try await store.settle([wait, wait]) == [.settled, .stale])
            #expect(try await store.claim().isEmpty)
            #expect(try await store.backlog() == [Backlog(function: "f", owner: "me", waiting: 1)])
            let waiting = try #require(try await store.snapshot(id))
            #expect(waiting.state == .waiting && waiting.progress.used == 1 && waiting.progress.attempt == 1)
            #expect(try await store.attempts(of: id).map(\.result) == [.completed])
            #expect(try await store.held(after: nil, limit: 5).isEmpty)
            let overdue = try #require(try await store.overdue(limit: 5, at: waiting.deadline ?? Sample.now).first)
            #expect(overdue.state == .waiting)
            var end = Sample.failure(overdue)
            end.lease = nil
            end.progress = waiting.progress
            end.attempt = nil
            #expect(try await store.settle([end, end]) == [.settled, .stale])
            #expect(try await store.snapshot(id)?.state == .failed)
            #expect(try await store.attempts(of: id).count == 1)
        },
        StoreContractCase(name: "a run that waited can be tried again, and waits again") { store in
            let id = try #require(try await store.accept(Sample.job()).first)
            for run in 1...2 {
                let live = try #require(try await store.claim().first)
                #expect(live.progress.run == run)
                #expect(try await store.settle([Sample.wait(live)]) == [.settled])
                #expect(
                    try await store.retry([RetryRequest(id: id, deadline: Sample.now + .seconds(60))], at: Sample.now)
                        == [.refused(.waiting)])
                var end = Sample.failure(live)
                end.lease = nil
                end.attempt = nil
                #expect(try await store.settle([end]) == [.settled])
                guard run == 1 else { continue }
                #expect(
                    try await store.retry([RetryRequest(id: id, deadline: Sample.now + .seconds(60))], at: Sample.now)
                        == [.retried(run: 2)])
            }
        },
    ]
}
