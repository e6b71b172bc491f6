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

/// A `rateLimit` window as it is kept over a restart.
package struct RateWindow: Equatable, Sendable {
    /// Function, rule and the caller's value, hashed.
    package var key: Int64
    package var openedAt: Timestamp
    package var until: Timestamp
    /// Accepted calls; ignored when it comes with a job, which counts one.
    package var used: Int

    package init(key: Int64, openedAt: Timestamp, until: Timestamp, used: Int = 1) {
        self.key = key
        self.openedAt = openedAt
        self.until = until
        self.used = used
    }
}

package enum EnqueueResult: Equatable, Sendable {
    /// With the lease of its first attempt, when it was to start at once.
    case accepted(JobID, Lease?)
    /// The same request was accepted before, as this job; as it stands, or nil when it has gone since.
    case replayed(JobID, JobSnapshot?)
    /// The key was used with another request.
    case conflict
}

package struct ClaimAsk: Equatable, Sendable {
    package var function: String
    package var lane: Int64
    package var limit: Int

    package init(function: String, lane: Int64 = 0, limit: Int) {
        self.function = function
        self.lane = lane
        self.limit = limit
    }
}

/// What a claim wants, and when.
package struct ClaimRequest: Sendable {
    package var asks: [ClaimAsk]
    /// The manifest revision that the attempts run under.
    package var revision: String
    package var now: Moment

    package init(asks: [ClaimAsk], revision: String, at now: Moment) {
        self.asks = asks
        self.revision = revision
        self.now = now
    }
}

package struct ClaimAnswer: Sendable {
    package var function: String
    package var lane: Int64
    package var jobs: [LiveJob]
    /// When the next job of this lane is due; now or earlier when the limit cut the claim, nil when none is queued.
    package var nextDue: Timestamp?

    package init(function: String, lane: Int64, jobs: [LiveJob], nextDue: Timestamp?) {
        self.function = function
        self.lane = lane
        self.jobs = jobs
        self.nextDue = nextDue
    }
}

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

/// A running job and the lease that it runs under.
package struct HeldLease: Hashable, Sendable {
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
    /// Webhooks that tell of the end, stored with it.
    package var deliveries: [NewDelivery]
    /// When they are due; the end's own time unless it is given.
    package var deliveriesDue: Timestamp?

    package enum Change: Sendable {
        /// A lane is given when the job's limit keys have changed.
        case queue(at: Timestamp, lane: Int64? = nil)
        /// Waits for a signal: holds no slot, and ends when its `maxWait` is over.
        case wait(Answer)
        case end(Ending, at: Timestamp, keepUntil: Timestamp, tombstoneUntil: Timestamp)
    }

    package init(
        id: JobID, lease: Lease?, progress: JobProgress, attempt: Attempt?, change: Change,
        deliveries: [NewDelivery] = []
    ) {
        self.id = id
        self.lease = lease
        self.progress = progress
        self.attempt = attempt
        self.change = change
        self.deliveries = deliveries
    }
}

/// What is settled, and claimed after that, in one commit.
package struct SettleBatch: Sendable {
    package var settlements: [Settlement]
    package var claim: ClaimRequest?

    package init(settlements: [Settlement], claim: ClaimRequest? = nil) {
        self.settlements = settlements
        self.claim = claim
    }
}

package enum SettleResult: Equatable, Sendable {
    case settled
    /// Somebody else settled it before, or it has started since.
    case stale
}

package struct RetryRequest: Sendable {
    package var id: JobID
    package var lane: Int64
    package var deadline: Timestamp

    package init(id: JobID, lane: Int64 = 0, deadline: Timestamp) {
        self.id = id
        self.lane = lane
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
package struct JobParts: OptionSet, Equatable, Sendable {
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
    /// Where the handler sends the client on.
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

/// Live jobs of one function and one account, by state.
package struct Backlog: Equatable, Sendable {
    package var function: String
    /// nil for jobs without an owner.
    package var owner: String?
    package var queued: Int
    package var running: Int
    package var waiting: Int

    package init(function: String, owner: String? = nil, queued: Int = 0, running: Int = 0, waiting: Int = 0) {
        self.function = function
        self.owner = owner
        self.queued = queued
        self.running = running
        self.waiting = waiting
    }
}
