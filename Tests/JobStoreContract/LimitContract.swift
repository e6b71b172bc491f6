import JobModel
import JobStore
import Testing

/// Rate windows and pauses.
extension StoreContract {
    static let limits: [StoreContractCase] = [
        StoreContractCase(name: "rate windows are counted with the jobs that they count") { store in
            func window(_ opened: Int64) -> RateWindow {
                RateWindow(
                    key: 9, openedAt: Sample.now + .milliseconds(opened),
                    until: Sample.now + .milliseconds(opened + 100))
            }
            func accept(_ opened: Int64) async throws {
                var job = Sample.job()
                job.windows = [window(opened)]
                _ = try await store.enqueue([job], at: Sample.now)
            }
            try await accept(0)
            try await accept(0)
            var open = try await store.windows(at: Sample.now)
            #expect(open.map(\.used) == [2])
            #expect(open.map(\.openedAt) == [Sample.now])
            // Commits may come in another order than calls were counted.
            try await accept(200)
            try await accept(0)
            open = try await store.windows(at: Sample.now)
            #expect(open.map(\.used) == [1])
            #expect(open.map(\.openedAt) == [Sample.now + .milliseconds(200)])
            #expect(try await store.windows(at: Sample.now + .milliseconds(300)).isEmpty)
            #expect(try await store.prune(limit: 5, at: Sample.now + .milliseconds(300)).keys == 1)
        },
        StoreContractCase(name: "a pause is kept") { store in
            #expect(try await store.pausedFunctions().isEmpty)
            try await store.setPaused("f", true)
            try await store.setPaused("f", true)
            try await store.setPaused("g", true)
            try await store.setPaused("g", false)
            #expect(try await store.pausedFunctions() == ["f"])
        },
    ]
}
