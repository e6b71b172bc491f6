/// All lanes that stand somewhere or are being claimed from. A lane that is idle is not kept.
struct LaneTable: Sendable {
    private struct Key: Hashable {
        var function: FunctionID
        var lane: Int64
    }

    private var lanes: [Lane] = []
    private var places: [Key: LaneID] = [:]
    private var free: [LaneID] = []

    var count: Int { places.count }

    subscript(id: LaneID) -> Lane {
        _read { yield lanes[Int(id.index)] }
        _modify { yield &lanes[Int(id.index)] }
    }

    func find(_ function: FunctionID, _ lane: Int64) -> LaneID? { places[Key(function: function, lane: lane)] }

    mutating func add(_ function: FunctionID, _ lane: Int64, turn: UInt64) -> LaneID {
        let id: LaneID
        if let place = free.popLast() {
            id = place
            // Tickets go on: entries of the lane that was here before stay stale.
            lanes[Int(id.index)] = Lane(function: function, key: lane, ticket: self[id].ticket &+ 1, turn: turn)
        } else {
            id = LaneID(index: Int32(lanes.count))
            lanes.append(Lane(function: function, key: lane, ticket: 0, turn: turn))
        }
        places[Key(function: function, lane: lane)] = id
        return id
    }

    mutating func remove(_ id: LaneID) {
        places[Key(function: self[id].function, lane: self[id].key)] = nil
        self[id].ticket &+= 1
        self[id].standing = .idle
        self[id].gates = []
        free.append(id)
    }

    func isCurrent(_ entry: LaneEntry) -> Bool { self[entry.lane].ticket == entry.ticket }

    /// A walk over all lanes passes so many places, those of lanes that have gone included: they are idle.
    var capacity: Int { lanes.count }

    /// For tests: every lane that is kept.
    var all: [LaneID] { Array(places.values) }
}
