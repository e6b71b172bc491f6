package import JobModel

/// Where queued jobs stand: what a dispatcher reads of lanes that it does not know, and how it moves their jobs.
package protocol LaneStore: Sendable {
    /// Lanes of a function with queued jobs, in order, after this one (nil: from the first), with the earliest due time.
    func lanes(of function: String, after lane: Int64?, limit: Int) async throws(StoreError) -> [LaneDue]

    /// What each lane has first: the job that a claim would get.
    func heads(of lanes: [LaneAddress], at now: Timestamp) async throws(StoreError) -> [StoredHead]

    /// Queued jobs of a lane, the earliest due first.
    func queued(in lane: LaneAddress, limit: Int) async throws(StoreError) -> [QueuedJob]

    /// Moves jobs to other lanes, where they are still queued in the one that is named.
    func move(_ moves: [LaneMove]) async throws(StoreError)
}
