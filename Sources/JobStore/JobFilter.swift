package import JobModel

/// Which jobs a list or a count is about. Everything that is given must hold.
package struct JobFilter: Equatable, Sendable {
    /// A stored state, or the part of `queued` that is due or not yet.
    package enum Status: String, CaseIterable, Sendable {
        case pending, delayed, processing, waiting, completed, failed, timeout, cancelled
    }

    /// A job has one of these; all of them unless it is said otherwise.
    package var states: Set<Status>
    package var function: String?
    /// nil for jobs of all accounts.
    package var owner: String?
    /// Scopes of idempotency keys (`IdempotencyKey.scope`): jobs that were accepted with one of them. nil for any job.
    package var keys: [[UInt8]]?
    /// Compared with the end of ended jobs, else with the acceptance.
    package var since: Timestamp?
    package var until: Timestamp?

    package init(
        states: Set<Status> = Set(Status.allCases), function: String? = nil, owner: String? = nil,
        keys: [[UInt8]]? = nil, since: Timestamp? = nil, until: Timestamp? = nil
    ) {
        self.states = states
        self.function = function
        self.owner = owner
        self.keys = keys
        self.since = since
        self.until = until
    }
}

extension JobFilter.Status {
    package init(_ job: JobSnapshot, at now: Timestamp) {
        self.init(job.state, due: job.runAt, at: now)
    }

    /// - Parameter due: when a queued job starts; of no matter for all others.
    package init(_ state: JobState, due: Timestamp, at now: Timestamp) {
        switch state {
        case .queued: self = due > now ? .delayed : .pending
        case .running: self = .processing
        case .waiting: self = .waiting
        case .completed: self = .completed
        case .failed: self = .failed
        case .timeout: self = .timeout
        case .cancelled: self = .cancelled
        }
    }

    package static let live: Set<JobFilter.Status> = [.pending, .delayed, .processing, .waiting]
}
