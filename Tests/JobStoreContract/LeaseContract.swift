import JobModel
import JobStore
import Testing

/// What the store tells of leases, so that those that nobody uses are found.
extension StoreContract {
    static let leases: [StoreContractCase] = [
        StoreContractCase(name: "a lease of the present epoch has no end, and is told of page by page") { store in
            let ids = try await store.accept(Sample.job(), Sample.job(), Sample.job(due: 10))
            let live = try await store.claim()
            #expect(try await store.abandoned(limit: 5).isEmpty)
            let held = try await store.held(after: nil, limit: 5)
            #expect(held.map(\.id) == [ids[0], ids[1]])
            #expect(held.map(\.lease) == live.map(\.lease))
            #expect(Set(held.map(\.lease.epoch)).count == 1)
            #expect(try await store.held(after: nil, limit: 1) == [held[0]])
            #expect(try await store.held(after: ids[0].row, limit: 5) == [held[1]])
            #expect(try await store.held(after: ids[1].row, limit: 5).isEmpty)
        },
        StoreContractCase(name: "who runs under a lease is read with all but the payload") { store in
            _ = try await store.accept(Sample.job(), Sample.job())
            let live = try await store.claim()
            let held = try await store.held(after: nil, limit: 5)
            var expected = live[1]
            expected.job.payload = nil
            #expect(try await store.running(under: [held[1]]) == [expected])
            let wrong = HeldLease(id: held[0].id, lease: held[1].lease)
            #expect(try await store.running(under: [wrong]).isEmpty)
            _ = try await store.settle([Sample.success(live[0])])
            #expect(try await store.running(under: held) == [expected])
            #expect(try await store.held(after: nil, limit: 5) == [held[1]])
        },
    ]
}
