package import JobModel

/// So many jobs at most are wanted of one lane.
package struct LaneClaim: Equatable, Sendable {
    package var function: String
    package var lane: Int64
    package var limit: Int

    package init(function: String, lane: Int64 = 0, limit: Int) {
        self.function = function
        self.lane = lane
        self.limit = limit
    }
}

/// What is wanted of several lanes, for one commit.
package struct ClaimBatch: Sendable {
    package var lanes: [LaneClaim]
    /// The manifest revision that the attempts run under.
    package var revision: String
    package var now: Moment

    package init(_ lanes: [LaneClaim], revision: String, at now: Moment) {
        self.lanes = lanes
        self.revision = revision
        self.now = now
    }
}

/// What a claim got from one lane.
package struct ClaimedLane: Sendable {
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
