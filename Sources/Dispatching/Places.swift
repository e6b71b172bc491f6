/// A place in the list of functions; a function keeps its place for the life of the process.
struct FunctionID: Hashable, Sendable {
    var index: Int
}

/// A place in the table of lanes; used again after its lane has gone.
struct LaneID: Hashable, Sendable {
    var index: Int32
}

/// A place in the table of gates; used again after its gate has gone.
struct GateID: Hashable, Sendable {
    var index: Int32
}
