/// A lane's place in a line; stale as soon as the lane has moved.
struct LaneEntry: Comparable, Sendable {
    var turn: UInt64
    var lane: LaneID
    var ticket: UInt32

    static func < (left: LaneEntry, right: LaneEntry) -> Bool {
        (left.turn, left.lane.index) < (right.turn, right.lane.index)
    }
}
