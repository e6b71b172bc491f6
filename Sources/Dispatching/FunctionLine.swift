internal import HeapModule

/// Functions with ready lanes: next is the one that has the fewest attempts under way, between equals the one whose turn is
/// longest ago.
struct FunctionLine: Sendable {
    private struct Entry: Comparable {
        var underWay: Int
        var turn: UInt64
        var function: Int
        var ticket: UInt32

        static func < (left: Entry, right: Entry) -> Bool {
            (left.underWay, left.turn, left.function) < (right.underWay, right.turn, right.function)
        }
    }

    private var heap: Heap<Entry> = []

    /// The function's place has changed: entries of former tickets are stale.
    mutating func update(_ id: FunctionID, in functions: inout [FunctionEntry], underWay: Int) {
        functions[id.index].ticket &+= 1
        guard !functions[id.index].ready.isEmpty else { return }
        heap.insert(
            Entry(
                underWay: underWay, turn: functions[id.index].turn, function: id.index,
                ticket: functions[id.index].ticket))
        guard heap.count > 2 * functions.count + 64 else { return }
        heap = Heap(heap.unordered.filter { functions[$0.function].ticket == $0.ticket })
    }

    mutating func popFirst(_ functions: [FunctionEntry]) -> FunctionID? {
        while let entry = heap.popMin() {
            guard functions[entry.function].ticket == entry.ticket, !functions[entry.function].ready.isEmpty else {
                continue
            }
            return FunctionID(index: entry.function)
        }
        return nil
    }
}
