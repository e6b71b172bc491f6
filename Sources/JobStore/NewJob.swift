package import JobModel

/// A job to be accepted; the store gives it its row.
package struct NewJob: Sendable {
    /// `job.id` carries the random bits only.
    package var job: Job
    /// Jobs of a function that share an account and all limit keys share a lane.
    package var lane: Int64
    /// When it may start.
    package var due: Timestamp
    /// When its `maxWait` is over.
    package var deadline: Timestamp
    /// The wall time at which it is due, where its caller named one: then `due` follows the wall clock until it starts.
    package var namesWall: Timestamp?
    package var idempotency: IdempotencyKey?
    /// The rate windows that this call counts in, written with it.
    package var windows: [RateWindow]
    /// Whoever accepts it has a slot for it: it is leased in the same commit, as if claimed at once.
    package var start: Start?

    package struct Start: Equatable, Sendable {
        /// The manifest revision that the attempt runs under.
        package var revision: String
        package var at: Moment

        package init(revision: String, at: Moment) {
            self.revision = revision
            self.at = at
        }
    }

    package init(
        job: Job, lane: Int64 = 0, due: Timestamp, deadline: Timestamp, namesWall: Timestamp? = nil,
        idempotency: IdempotencyKey? = nil, windows: [RateWindow] = [], start: Start? = nil
    ) {
        self.namesWall = namesWall
        self.job = job
        self.lane = lane
        self.due = due
        self.deadline = deadline
        self.idempotency = idempotency
        self.windows = windows
        self.start = start
    }
}

/// What came of a job that was to be accepted.
package enum EnqueueResult: Equatable, Sendable {
    /// With the lease of its first attempt, when it was to start at once.
    case accepted(JobID, Lease?)
    /// The same request was accepted before, as this job; as it stands, or nil when it has gone since.
    case replayed(JobID, JobSnapshot?)
    /// The key was used with another request.
    case conflict
}
