package import JobModel
package import JobStore

extension FailingStore {
    package func lanes(of function: String, after lane: Int64?, limit: Int) async throws(StoreError) -> [LaneDue] {
        try await call { () async throws(StoreError) in try await store.lanes(of: function, after: lane, limit: limit) }
    }

    package func heads(of lanes: [LaneAddress], at now: Timestamp) async throws(StoreError) -> [StoredHead] {
        try await call { () async throws(StoreError) in try await store.heads(of: lanes, at: now) }
    }

    package func queued(in lane: LaneAddress, limit: Int) async throws(StoreError) -> [QueuedJob] {
        try await call { () async throws(StoreError) in try await store.queued(in: lane, limit: limit) }
    }

    package func move(_ moves: [LaneMove]) async throws(StoreError) {
        try await call { () async throws(StoreError) in try await store.move(moves) }
    }
}
