internal import HeapModule

/// Lanes that wait for one thing, the least recently served first.
///
/// A first-in-first-out line would starve a lane with two gates: each time one opens, the other is full.
struct LaneLine: Sendable {
    private var heap: Heap<LaneEntry> = []
    /// Lanes that stand here. Whoever moves one away says so with `left()`.
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func join(_ entry: LaneEntry) {
        heap.insert(entry)
        count += 1
    }

    mutating func left(_ lanes: LaneTable) {
        count -= 1
        // Most entries are stale: keep the others.
        guard heap.count > 2 * count + 64 else { return }
        heap = Heap(heap.unordered.filter(lanes.isCurrent))
    }

    /// Takes the first lane out of the line; nil when nobody stands here.
    mutating func popFirst(_ lanes: LaneTable) -> LaneID? {
        while let entry = heap.popMin() {
            guard lanes.isCurrent(entry) else { continue }
            count -= 1
            return entry.lane
        }
        return nil
    }
}
