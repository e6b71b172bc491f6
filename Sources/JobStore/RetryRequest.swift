package import JobModel

/// The next run of an ended job, due at once.
package struct RetryRequest: Sendable {
    package var id: JobID
    /// Of the job's present limit keys.
    package var lane: Int64
    /// When the new run's `maxWait` is over.
    package var deadline: Timestamp

    package init(id: JobID, lane: Int64 = 0, deadline: Timestamp) {
        self.id = id
        self.lane = lane
        self.deadline = deadline
    }
}

/// What came of a wish to try a job again.
package enum RetryResult: Equatable, Sendable {
    case retried(run: Int)
    /// Only failed, timeout and cancelled jobs are retried.
    case refused(JobState)
    case unknown
}
