package import JobModel

/// A job to be accepted; the store gives it its row.
package struct NewJob: Sendable {
    /// `job.id` carries the random bits only.
    package var job: Job
    /// When it may start.
    package var due: Timestamp
    /// When its `maxWait` is over.
    package var deadline: Timestamp
    package var idempotency: IdempotencyKey?

    package init(job: Job, due: Timestamp, deadline: Timestamp, idempotency: IdempotencyKey? = nil) {
        self.job = job
        self.due = due
        self.deadline = deadline
        self.idempotency = idempotency
    }
}

/// A caller's key, hashed with its scope, and a hash of the request that it came with.
package struct IdempotencyKey: Equatable, Sendable {
    package var scope: [UInt8]
    package var fingerprint: [UInt8]
    package var expires: Timestamp

    package init(scope: [UInt8], fingerprint: [UInt8], expires: Timestamp) {
        self.scope = scope
        self.fingerprint = fingerprint
        self.expires = expires
    }
}

package enum EnqueueResult: Equatable, Sendable {
    case accepted(JobID)
    /// The same request was accepted before, as this job.
    case replayed(JobID)
    /// The key was used with another request.
    case conflict
}

package struct ClaimAsk: Equatable, Sendable {
    package var function: String
    package var limit: Int

    package init(function: String, limit: Int) {
        self.function = function
        self.limit = limit
    }
}

/// What a claim gives its jobs.
package struct LeaseTerms: Equatable, Sendable {
    /// How long the lease holds without being renewed.
    package var duration: Duration
    /// The manifest revision that the attempts run under.
    package var revision: String

    package init(duration: Duration, revision: String) {
        self.duration = duration
        self.revision = revision
    }
}

package struct ClaimAnswer: Sendable {
    package var function: String
    package var jobs: [LiveJob]
    /// When the next job of this function is due; now or earlier when the limit cut the claim, nil when none is queued.
    package var nextDue: Timestamp?

    package init(function: String, jobs: [LiveJob], nextDue: Timestamp?) {
        self.function = function
        self.jobs = jobs
        self.nextDue = nextDue
    }
}

/// A job that has not ended.
package struct LiveJob: Equatable, Sendable {
    package var job: Job
    package var progress: JobProgress
    /// When its `maxWait` is over.
    package var deadline: Timestamp
    /// nil unless it is running.
    package var lease: Lease?
    /// When the running attempt started.
    package var startedAt: Timestamp?
    /// Of the running attempt.
    package var revision: String?

    package init(
        job: Job, progress: JobProgress, deadline: Timestamp, lease: Lease? = nil, startedAt: Timestamp? = nil,
        revision: String? = nil
    ) {
        self.job = job
        self.progress = progress
        self.deadline = deadline
        self.lease = lease
        self.startedAt = startedAt
        self.revision = revision
    }
}

package struct HeldLease: Equatable, Sendable {
    package var id: JobID
    package var lease: Lease

    package init(id: JobID, lease: Lease) {
        self.id = id
        self.lease = lease
    }
}

/// What became of a job. Written only if the job still has this lease (none: is still not running).
package struct Settlement: Sendable {
    package var id: JobID
    package var lease: Lease?
    package var progress: JobProgress
    /// The attempt that ended, when one did and it counts.
    package var attempt: Attempt?
    package var change: Change

    package enum Change: Sendable {
        case queue(at: Timestamp)
        case end(Ending, at: Timestamp, keepUntil: Timestamp, tombstoneUntil: Timestamp)
    }

    package init(id: JobID, lease: Lease?, progress: JobProgress, attempt: Attempt?, change: Change) {
        self.id = id
        self.lease = lease
        self.progress = progress
        self.attempt = attempt
        self.change = change
    }
}

package enum SettleResult: Equatable, Sendable {
    case settled
    /// Somebody else settled it before, or it has started since.
    case stale
}

package struct RetryRequest: Sendable {
    package var id: JobID
    package var deadline: Timestamp

    package init(id: JobID, deadline: Timestamp) {
        self.id = id
        self.deadline = deadline
    }
}

package enum RetryResult: Equatable, Sendable {
    case retried(run: Int)
    /// Only failed, timeout and cancelled jobs are retried.
    case refused(JobState)
    case unknown
}

/// What a fetch reads beside the state.
package struct JobParts: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let payload = JobParts(rawValue: 1)
    package static let value = JobParts(rawValue: 2)
}

package enum JobLookup: Equatable, Sendable {
    case found(JobSnapshot)
    case purged(Tombstone)
    case unknown
}

/// What is left of a job whose retention is over.
package struct Tombstone: Equatable, Sendable {
    package var id: JobID
    package var function: String
    package var owner: String?

    package init(id: JobID, function: String, owner: String?) {
        self.id = id
        self.function = function
        self.owner = owner
    }
}

/// A job as it stands.
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

    package init(
        job: Job, state: JobState, failure: FailureKind? = nil, progress: JobProgress, runAt: Timestamp,
        deadline: Timestamp? = nil, startedAt: Timestamp? = nil, completedAt: Timestamp? = nil, value: [UInt8]? = nil
    ) {
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

package struct PruneResult: Equatable, Sendable {
    package var jobs: Int
    package var tombstones: Int
    package var keys: Int

    package init(jobs: Int, tombstones: Int, keys: Int) {
        self.jobs = jobs
        self.tombstones = tombstones
        self.keys = keys
    }

    package var total: Int { jobs + tombstones + keys }
}

package struct FunctionBacklog: Equatable, Sendable {
    package var function: String
    package var queued: Int
    package var running: Int
    package var waiting: Int
    package var nextDue: Timestamp?

    package init(function: String, queued: Int = 0, running: Int = 0, waiting: Int = 0, nextDue: Timestamp? = nil) {
        self.function = function
        self.queued = queued
        self.running = running
        self.waiting = waiting
        self.nextDue = nextDue
    }
}
