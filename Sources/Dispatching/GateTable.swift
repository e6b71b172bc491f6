internal import DequeModule
internal import JobModel

/// All gates that somebody names, or that remember something.
struct GateTable: Sendable {
    private struct Key: Hashable {
        var rule: Gate.Rule
        var key: Int64?
    }

    private var gates: [Gate] = []
    private var places: [Key: GateID] = [:]
    private var free: [GateID] = []
    /// Gates that nobody names any more, looked at in turn: some still remember when their next start conforms.
    private var unnamed: Deque<GateID> = []
    /// So many are kept for what they remember; beyond that some are forgotten before, which only lets more through.
    private let unnamedLimit: Int
    /// How many gates were looked at to forget some: a test bounds it.
    private(set) var looked = 0

    init(unnamedLimit: Int = Limits.throttleKeys) { self.unnamedLimit = unnamedLimit }

    var count: Int { places.count }

    subscript(id: GateID) -> Gate {
        _read { yield gates[Int(id.index)] }
        _modify { yield &gates[Int(id.index)] }
    }

    func find(_ rule: Gate.Rule, _ key: Int64?) -> GateID? { places[Key(rule: rule, key: key)] }

    /// The gate of this rule and key, made when there is none. Whoever names it says `release` once.
    mutating func name(_ rule: Gate.Rule, _ key: Int64?) -> GateID {
        let place = Key(rule: rule, key: key)
        if let id = places[place] {
            self[id].users += 1
            return id
        }
        let id: GateID
        if let last = free.popLast() {
            id = last
            self[id] = Gate(rule: rule, key: key)
        } else {
            id = GateID(index: Int32(gates.count))
            gates.append(Gate(rule: rule, key: key))
        }
        self[id].users = 1
        places[place] = id
        return id
    }

    /// - Parameter now: nanoseconds of the monotonic clock.
    mutating func release(_ ids: [GateID], at now: Int64) {
        for id in ids {
            self[id].users -= 1
            if self[id].users == 0, !self[id].isUnnamed {
                self[id].isUnnamed = true
                unnamed.append(id)
            }
        }
        // More than came, so that jobs with many keys do not fill it faster than it empties.
        forget(ids.count + 4, at: now)
    }

    /// Looks at a few gates that nobody names: never at all of them in one call.
    private mutating func forget(_ looks: Int, at now: Int64) {
        for _ in 0..<looks {
            guard let id = unnamed.popFirst() else { return }
            looked += 1
            guard self[id].users == 0 else {
                self[id].isUnnamed = false
                continue
            }
            let isTooMany = unnamed.count >= unnamedLimit
            guard !self[id].isInUse, !self[id].isRemembering(at: now) || isTooMany else {
                unnamed.append(id)
                // Those behind it were left later.
                return
            }
            self[id].isUnnamed = false
            places[Key(rule: self[id].rule, key: self[id].key)] = nil
            free.append(id)
        }
    }
}
