/// An attempt that has started and whose end is not recorded yet.
struct AttemptEntry: Sendable {
    let function: FunctionID
    /// The gates that it holds a unit of.
    var gates: [GateID]
    /// It tries a target that does not answer.
    var isProbe = false
    /// It has ended; its end is not written yet.
    var hasEnded = false
}

/// All attempts under way, by number.
struct AttemptTable: Sendable {
    private struct Slot {
        var ticket: UInt32 = 0
        var attempt: AttemptEntry?
    }

    private var slots: [Slot] = []
    private var free: [Int32] = []

    subscript(id: AttemptID) -> AttemptEntry? {
        get {
            guard slots.indices.contains(Int(id.index)), slots[Int(id.index)].ticket == id.ticket else { return nil }
            return slots[Int(id.index)].attempt
        }
        set {
            guard slots.indices.contains(Int(id.index)), slots[Int(id.index)].ticket == id.ticket else { return }
            slots[Int(id.index)].attempt = newValue
        }
    }

    mutating func add(_ attempt: AttemptEntry) -> AttemptID {
        if let index = free.popLast() {
            slots[Int(index)].attempt = attempt
            return AttemptID(index: index, ticket: slots[Int(index)].ticket)
        }
        slots.append(Slot(attempt: attempt))
        return AttemptID(index: Int32(slots.count - 1), ticket: 0)
    }

    /// nil when it was removed before.
    mutating func remove(_ id: AttemptID) -> AttemptEntry? {
        guard let attempt = self[id] else { return nil }
        slots[Int(id.index)].attempt = nil
        slots[Int(id.index)].ticket &+= 1
        free.append(id.index)
        return attempt
    }

    var all: [AttemptID] {
        slots.enumerated().compactMap { index, slot in
            slot.attempt.map { _ in AttemptID(index: Int32(index), ticket: slot.ticket) }
        }
    }
}
