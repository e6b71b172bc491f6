package import JobModel
package import JobStore

/// Names what was promised to a claim or to a job that is being accepted. Closed exactly once, by `resolve`.
package struct ReservationID: Hashable, Comparable, Sendable {
    /// Rises with every reservation.
    let number: UInt64

    package static func < (left: ReservationID, right: ReservationID) -> Bool { left.number < right.number }
}

/// Room that is promised to jobs which have not started yet: in all their gates, and a slot for each.
struct Reservation: Sendable {
    /// What is claimed from one lane.
    struct Grant: Sendable {
        var lane: LaneID
        var units: Int
        /// Each is named once more for the reservation.
        var gates: [GateID]
        /// The rules under which these gates were found.
        var version: Int
        /// The lane's turn before it was granted anything: a claim that fails gives it back.
        var formerTurn: UInt64
    }

    var grants: [Grant]

    var units: Int { grants.reduce(0) { $0 + $1.units } }
}

/// A claim that was planned.
package struct PlannedClaim: Sendable {
    package var reservation: ReservationID
    package var lanes: [LaneClaim]
}

/// What came of one lane's claim.
package struct LaneAnswer: Sendable {
    /// The keys of the claimed jobs, in their order.
    package var jobs: [JobKeys]
    /// When the lane's next job is due: now or earlier when more is due than was claimed; nil when none is queued.
    package var nextDue: Timestamp?

    package init(jobs: [JobKeys], nextDue: Timestamp?) {
        self.jobs = jobs
        self.nextDue = nextDue
    }
}

/// What becomes of a claimed job.
package enum Start: Equatable, Sendable {
    case attempt(AttemptID)
    /// Back to the queue as if it had not been claimed, into the lane of its present keys.
    case giveBack
}

/// A running attempt, as the dispatch state knows it.
package struct AttemptID: Hashable, Sendable {
    let index: Int32
    let ticket: UInt32
}

/// Whether the target of an attempt that ended has answered.
package enum TargetReply: Sendable {
    /// It has no target, or the attempt was stopped from here.
    case unknown
    case answered
    case none
}

/// What an attempt's end has changed at its target.
package enum TargetChange: Sendable {
    case nothing
    case isSilent
    case answersAgain
}
