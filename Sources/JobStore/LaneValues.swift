package import JobModel

/// A lane with queued jobs.
package struct LaneDue: Equatable, Sendable {
    package var lane: Int64
    package var due: Timestamp

    package init(lane: Int64, due: Timestamp) {
        self.lane = lane
        self.due = due
    }
}

/// Which lane is asked about.
package struct LaneAddress: Equatable, Sendable {
    package var function: String
    package var lane: Int64
    /// Whether payloads are to be read with the jobs.
    package var needsPayload: Bool

    package init(function: String, lane: Int64, needsPayload: Bool) {
        self.function = function
        self.lane = lane
        self.needsPayload = needsPayload
    }
}

/// What a lane has first.
package enum StoredHead: Sendable {
    /// A job that is due.
    case due(LiveJob)
    /// Nothing is due before.
    case later(Timestamp)
    case empty
}

package struct QueuedJob: Sendable {
    package var job: Job
    package var progress: JobProgress
    package var due: Timestamp

    package init(job: Job, progress: JobProgress, due: Timestamp) {
        self.job = job
        self.progress = progress
        self.due = due
    }
}

/// A queued job that belongs into another lane.
package struct LaneMove: Equatable, Sendable {
    package var id: JobID
    package var from: Int64
    package var to: Int64

    package init(id: JobID, from: Int64, to: Int64) {
        self.id = id
        self.from = from
        self.to = to
    }
}
