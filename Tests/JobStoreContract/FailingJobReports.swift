package import JobModel
package import JobStore

extension FailingStore {
    package func list(
        _ filter: JobFilter, after cursor: Int64?, newestFirst: Bool, limit: Int, including parts: JobParts,
        within bounds: ReadBounds, at now: Timestamp
    ) async throws(StoreError) -> JobPage {
        try await call { () async throws(StoreError) in
            try await store.list(
                filter, after: cursor, newestFirst: newestFirst, limit: limit, including: parts, within: bounds, at: now
            )
        }
    }

    package func count(
        _ filter: JobFilter, within bounds: ReadBounds, at now: Timestamp
    ) async throws(StoreError) -> JobCount {
        try await call { () async throws(StoreError) in try await store.count(filter, within: bounds, at: now) }
    }

    package func attempts(of ids: [JobID], within bounds: ReadBounds) async throws(StoreError) -> AttemptPage {
        try await call { () async throws(StoreError) in try await store.attempts(of: ids, within: bounds) }
    }

    package func countAhead(of id: JobID, limit: Int, at now: Timestamp) async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in try await store.countAhead(of: id, limit: limit, at: now) }
    }

    package func backlog() async throws(StoreError) -> [Backlog] {
        try await call { () async throws(StoreError) in try await store.backlog() }
    }

    package func oldestDue(of owner: String) async throws(StoreError) -> [String: Timestamp] {
        try await call { () async throws(StoreError) in try await store.oldestDue(of: owner) }
    }

    package func latestTimes(of owner: String, limit: Int) async throws(StoreError) -> [String: [Int64]] {
        try await call { () async throws(StoreError) in try await store.latestTimes(of: owner, limit: limit) }
    }

    package func failures(of owner: String?) async throws(StoreError) -> [String: Int] {
        try await call { () async throws(StoreError) in try await store.failures(of: owner) }
    }
}
