package import JobModel
package import JobStore

extension FailingStore {
    package func clockMark() async throws(StoreError) -> ClockMark? {
        try await call { () async throws(StoreError) in try await store.clockMark() }
    }

    package func keep(_ mark: ClockMark) async throws(StoreError) {
        try await call { () async throws(StoreError) in try await store.keep(mark) }
    }

    package func follow(
        offset: Duration, after cursor: FollowedJobs.Cursor?, limit: Int
    ) async throws(StoreError) -> FollowedJobs {
        try await call { () async throws(StoreError) in
            try await store.follow(offset: offset, after: cursor, limit: limit)
        }
    }
}
