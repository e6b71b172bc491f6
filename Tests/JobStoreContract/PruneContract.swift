import JobModel
import JobStore
import Testing

/// What goes when its time is over.
extension StoreContract {
    static let pruning: [StoreContractCase] = [
        StoreContractCase(name: "jobs past their retention leave a tombstone, and that goes in its time") { store in
            let ids = try await store.accept(Sample.job(owner: "me"), Sample.job(), Sample.job())
            let live = try await store.claim()
            _ = try await store.settle([Sample.success(live[0], keep: 1000), Sample.success(live[1], keep: 5000)])
            #expect(try await store.prune(limit: 10, at: Sample.now + .milliseconds(999)).total == 0)
            #expect(try await store.prune(limit: 10, at: Sample.now + .milliseconds(1000)).jobs == 1)
            let lookups = try await store.fetch(ids, including: [])
            #expect(lookups[0] == .purged(Tombstone(id: ids[0], function: "f", owner: "me")))
            #expect(try await store.snapshot(ids[1])?.state == .completed)
            #expect(try await store.snapshot(ids[2])?.state == .running)
            let guess = JobID(row: ids[0].row, random: 1234)
            #expect(try await store.fetch([guess], including: []) == [.unknown])
            #expect(try await store.attempts(of: ids[0]).isEmpty)
            #expect(try await store.prune(limit: 10, at: Sample.now + .milliseconds(2000)).tombstones == 1)
            #expect(try await store.fetch([ids[0]], including: []) == [.unknown])
        },
        StoreContractCase(name: "a job that was retried is kept for its new run") { store in
            let id = try await store.accept(Sample.job())[0]
            _ = try await store.settle([Sample.failure(try await store.claim()[0], keep: 1000)])
            _ = try await store.retry([RetryRequest(id: id, deadline: Sample.now + .seconds(100))], at: Sample.now)
            #expect(try await store.prune(limit: 10, at: Sample.now + .seconds(50)).jobs == 0)
            let live = try await store.claim()[0]
            _ = try await store.settle([Sample.success(live, keep: 80_000)])
            #expect(try await store.prune(limit: 10, at: Sample.now + .seconds(79)).jobs == 0)
            #expect(try await store.prune(limit: 10, at: Sample.now + .seconds(80)).jobs == 1)
        },
        StoreContractCase(name: "old idempotency keys go") { store in
            let key = IdempotencyKey(scope: [1], fingerprint: [1], expires: Sample.now + .seconds(1))
            _ = try await store.accept(Sample.job(idempotency: key))
            #expect(try await store.prune(limit: 10, at: Sample.now).keys == 0)
            #expect(try await store.prune(limit: 10, at: Sample.now + .seconds(1)).keys == 1)
        },
        StoreContractCase(name: "pruning keeps to its limit") { store in
            _ = try await store.enqueue((0..<10).map { _ in Sample.job() }, at: Sample.now)
            _ = try await store.settle(try await store.claim().map { Sample.success($0, keep: 1) })
            #expect(try await store.prune(limit: 4, at: Sample.now + .seconds(1)).jobs == 4)
            #expect(try await store.prune(limit: 4, at: Sample.now + .seconds(1)).jobs == 4)
            #expect(try await store.prune(limit: 4, at: Sample.now + .seconds(1)).jobs == 2)
        },
    ]
}
