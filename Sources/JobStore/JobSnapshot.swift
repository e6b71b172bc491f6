package import JobModel

/// A job as it stands. The store's times of what is still to come are steady ones; `shown` makes wall times of them.
package struct JobSnapshot: Equatable, Sendable {
    package var job: Job
    package var state: JobState
    package var failure: FailureKind?
    package var progress: JobProgress
    /// When it starts, or started last: the due time while queued.
    package var runAt: Timestamp
    package var deadline: Timestamp?
    /// When the latest attempt started.
    package var startedAt: Timestamp?
    package var completedAt: Timestamp?
    /// The JSON text of the result.
    package var value: [UInt8]?
    /// Where the status of a job that has ended sends the client on.
    package var redirect: String?
    /// What was asked for and is longer than was allowed.
    package var omitted: JobParts = []

    package init(
        job: Job, state: JobState, failure: FailureKind? = nil, progress: JobProgress, runAt: Timestamp,
        deadline: Timestamp? = nil, startedAt: Timestamp? = nil, completedAt: Timestamp? = nil, value: [UInt8]? = nil,
        redirect: String? = nil
    ) {
        self.redirect = redirect
        self.job = job
        self.state = state
        self.failure = failure
        self.progress = progress
        self.runAt = runAt
        self.deadline = deadline
        self.startedAt = startedAt
        self.completedAt = completedAt
        self.value = value
    }
}

extension JobSnapshot {
    /// With the times of what is still to come as the wall clock will show them.
    package func shown(at now: Moment) -> JobSnapshot {
        guard !state.isTerminal, now.offset != .zero else { return self }
        var shown = self
        shown.runAt = now.wallTime(of: runAt)
        shown.deadline = deadline.map(now.wallTime)
        return shown
    }
}
