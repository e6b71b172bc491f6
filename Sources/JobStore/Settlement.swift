package import JobModel

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
    package var claim: ClaimBatch?

    package init(settlements: [Settlement], claim: ClaimBatch? = nil) {
        self.settlements = settlements
        self.claim = claim
    }
}

/// Whether a settlement was still in time.
package enum SettleResult: Equatable, Sendable {
    case settled
    /// Somebody else settled it before, or it has started since.
    case stale
}
