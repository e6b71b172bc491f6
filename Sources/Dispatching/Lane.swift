internal import JobModel

/// Jobs of one function that share a caller and all limit keys: they start one after another, and wait for the same gates.
struct Lane: Sendable {
    /// Where a lane stands: in exactly one place.
    enum Standing: Equatable, Sendable {
        /// Nothing is known to be due.
        case idle
        /// In the heap of due times.
        case later(Timestamp)
        /// In its function's ready line.
        case ready
        /// In this gate's line.
        case gated(GateID)
        /// In no line: its open claims say what comes next.
        case claiming
        /// In no line: its first job is being read, for nobody knows its keys.
        case reading
        /// In no line: its jobs go to the lanes that they hash to under the present rules.
        case moving
    }

    let function: FunctionID
    /// The stored lane.
    let key: Int64
    var standing = Standing.idle
    /// Rises at every move, so that an entry left behind in a line or a heap is known to be stale.
    var ticket: UInt32
    /// The number of its last start; of its arrival before the first. The lowest is served first.
    var turn: UInt64
    /// Open reservations that claim from it.
    var claims = 0
    /// Jobs that are believed to be due.
    var expected = 0
    /// A job became due after its latest claim was planned.
    var hasNews = false
    /// When a job is due that its open claims may not have seen.
    var nextDue: Timestamp?
    /// Its gates, in the order in which it passes them; empty until its keys are known.
    var gates: [GateID] = []
    /// The rules under which `gates` were found.
    var version = 0
    /// A claim that it was part of has failed: it is claimed from by itself.
    var isClaimedAlone = false
    /// It failed by itself: hints do not wake it before its time.
    var isResting = false
    /// Since when its first suspect has waited to run alone, in nanoseconds of the monotonic clock; nil for other lanes, and
    /// while nothing is due.
    var waitsAloneSince: Int64?
    /// Where its grants of the plan under way are collected.
    var grant = -1

    init(function: FunctionID, key: Int64, ticket: UInt32, turn: UInt64) {
        self.function = function
        self.key = key
        self.ticket = ticket
        self.turn = turn
    }
}
