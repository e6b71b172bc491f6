package import JobModel

/// Deliveries that were due, each with a lease.
package struct DeliveryClaim: Equatable, Sendable {
    package var deliveries: [Delivery]
    /// When the next one is due; now or earlier when the limit cut the claim, nil when none is pending.
    package var nextDue: Timestamp?

    package init(deliveries: [Delivery], nextDue: Timestamp?) {
        self.deliveries = deliveries
        self.nextDue = nextDue
    }
}

/// A delivery's number and the lease under which it is sent.
package struct LeasedDelivery: Hashable, Sendable {
    package var number: Int64
    package var lease: Lease

    package init(number: Int64, lease: Lease) {
        self.number = number
        self.lease = lease
    }
}

/// What became of a claimed delivery. Written only if it still has this lease.
package struct DeliverySettlement: Equatable, Sendable {
    package enum Change: Equatable, Sendable {
        /// Not attempted, or to be attempted again.
        case later(at: Timestamp)
        case delivered
        case failed
    }

    package var number: Int64
    package var lease: Lease
    /// The attempt that was made; nil when there was none.
    package var attempt: DeliveryAttempt?
    package var change: Change

    package init(number: Int64, lease: Lease, attempt: DeliveryAttempt?, change: Change) {
        self.number = number
        self.lease = lease
        self.attempt = attempt
        self.change = change
    }
}
