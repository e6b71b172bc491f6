package import JobModel

/// A job that has not ended.
package struct LiveJob: Equatable, Sendable {
    package var job: Job
    /// Queued, running or waiting.
    package var state: JobState
    package var progress: JobProgress
    package var lane: Int64
    /// When it was due.
    package var due: Timestamp
    /// When its `maxWait` is over.
    package var deadline: Timestamp
    /// nil unless it is running.
    package var lease: Lease?
    /// When the running attempt started.
    package var startedAt: Timestamp?
    /// Of the running attempt.
    package var revision: String?

    /// - Parameter state: running with a lease and queued without one, unless it is given.
    package init(
        job: Job, state: JobState? = nil, progress: JobProgress, lane: Int64 = 0, due: Timestamp, deadline: Timestamp,
        lease: Lease? = nil, startedAt: Timestamp? = nil, revision: String? = nil
    ) {
        self.job = job
        self.state = state ?? (lease == nil ? .queued : .running)
        self.progress = progress
        self.lane = lane
        self.due = due
        self.deadline = deadline
        self.lease = lease
        self.startedAt = startedAt
        self.revision = revision
    }
}
