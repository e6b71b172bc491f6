package import JobModel

/// Which jobs a list or a count is about. Everything that is given must hold.
package struct JobFilter: Equatable, Sendable {
    /// A stored state, or the part of `queued` that is due or not yet.
    package enum Status: String, CaseIterable, Sendable {
        case pending, delayed, processing, waiting, completed, failed, timeout, cancelled
    }

    package var status: Status?
    package var function: String?
    /// nil for jobs of all accounts.
    package var owner: String?
    /// Compared with the end of ended jobs, else with the acceptance.
    package var since: Timestamp?
    package var until: Timestamp?

    package init(
        status: Status? = nil, function: String? = nil, owner: String? = nil, since: Timestamp? = nil,
        until: Timestamp? = nil
    ) {
        self.status = status
        self.function = function
        self.owner = owner
        self.since = since
        self.until = until
    }
}

extension JobFilter {
    /// The whole filter, on a job that an index has proposed.
    package func matches(_ job: JobSnapshot, at now: Timestamp) -> Bool {
        if let function, job.job.function != function { return false }
        if let owner, job.job.owner != owner { return false }
        if let status, status != Status(job, at: now) { return false }
        let time = job.completedAt ?? job.job.createdAt
        if let since, time < since { return false }
        if let until, time >= until { return false }
        return true
    }
}

extension JobFilter.Status {
    package init(_ job: JobSnapshot, at now: Timestamp) {
        switch job.state {
        case .queued: self = job.runAt > now ? .delayed : .pending
        case .running: self = .processing
        case .waiting: self = .waiting
        case .completed: self = .completed
        case .failed: self = .failed
        case .timeout: self = .timeout
        case .cancelled: self = .cancelled
        }
    }
}

/// One page of a list.
package struct JobPage: Sendable {
    package var jobs: [JobSnapshot]
    /// Where the next page begins; nil at the end.
    package var next: Int64?

    package init(jobs: [JobSnapshot], next: Int64?) {
        self.jobs = jobs
        self.next = next
    }
}

/// How many jobs match; a lower bound when counting was cut short.
package struct JobCount: Equatable, Sendable {
    package var count: Int
    package var isExact: Bool

    package init(count: Int, isExact: Bool) {
        self.count = count
        self.isExact = isExact
    }
}
