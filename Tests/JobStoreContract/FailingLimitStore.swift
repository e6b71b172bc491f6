package import JobModel
package import JobStore

extension FailingStore {
    package func windows(at now: Timestamp) async throws(StoreError) -> [RateWindow] {
        try await call { () async throws(StoreError) in try await store.windows(at: now) }
    }

    package func pausedFunctions() async throws(StoreError) -> Set<String> {
        try await call { () async throws(StoreError) in try await store.pausedFunctions() }
    }

    package func setPaused(_ function: String, _ paused: Bool) async throws(StoreError) {
        try await call { () async throws(StoreError) in try await store.setPaused(function, paused) }
    }
}
