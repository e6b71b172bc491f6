internal import HeapModule
internal import JobModel

// Where lanes stand.
extension DispatchState {
    /// The gates that a lane passes, as far as they are known under the present rules.
    func gates(of id: LaneID) -> [GateID] {
        isKnown(id) ? lanes[id].gates : functions[lanes[id].function.index].commonGates
    }

    /// Whether a job of it has been seen under the present rules.
    func isKnown(_ id: LaneID) -> Bool { lanes[id].version == functions[lanes[id].function.index].version }

    /// At the first gate without room, or in the ready line.
    mutating func place(_ id: LaneID, at now: Int64) {
        let shut = gates(of: id).first { room($0, at: now) == 0 }
        if shut == suspectGate { noteWait(of: id, at: now) }
        move(id, to: shut.map { .gated($0) } ?? .ready)
        if let shut { arm(shut, at: now) }
    }

    /// The one way from one place to another.
    mutating func move(_ id: LaneID, to standing: Lane.Standing) {
        let former = lanes[id].standing
        lanes[id].ticket &+= 1
        lanes[id].standing = standing
        leave(id, former)
        touched += 1
        let entry = LaneEntry(turn: lanes[id].turn, lane: id, ticket: lanes[id].ticket)
        let function = lanes[id].function
        switch standing {
        case .claiming, .reading, .moving: break
        case .idle: lanes[id].waitsAloneSince = nil
        case .later(let due):
            lanes[id].waitsAloneSince = nil
            later.insert(LaterLane(due: due, lane: id, ticket: entry.ticket))
            laterLanes += 1
            dropStaleDues()
        case .ready:
            functions[function.index].ready.join(entry)
            readyLanes += 1
            if functions[function.index].ready.count == 1 { updatePlace(of: function) }
        case .gated(let gate):
            gates[gate].line.join(entry)
            if gate == suspectGate { joinWaiting(id) }
        }
    }

    private mutating func leave(_ id: LaneID, _ standing: Lane.Standing) {
        switch standing {
        case .idle, .claiming, .reading, .moving: break
        case .later: laterLanes -= 1
        case .ready:
            functions[lanes[id].function.index].ready.left(lanes)
            readyLanes -= 1
        case .gated(let gate): gates[gate].line.left(lanes)
        }
    }

    private mutating func dropStaleDues() {
        guard later.count > 2 * laterLanes + 64 else { return }
        later = Heap(later.unordered.filter { lanes[$0.lane].ticket == $0.ticket })
    }

    /// The function's turn or what it has under way has changed.
    mutating func updatePlace(of id: FunctionID) {
        let gate = functions[id.index].gate
        functionLine.update(id, in: &functions, underWay: gates[gate].counted + gates[gate].reserved)
    }

    /// A lane that was let on does not use its room: others behind the same gates may.
    mutating func passRoomOn(_ id: LaneID) {
        for gate in gates(of: id) { letOn(gate) }
    }

    /// The keys of the lane's jobs under the present rules.
    mutating func learn(_ keys: JobKeys, of id: LaneID, at now: Int64) {
        let function = lanes[id].function
        let named = name(keys, of: function)
        let former = lanes[id].gates
        lanes[id].gates = named
        lanes[id].version = functions[function.index].version
        gates.release(former, at: now)
    }

    /// The gates of a job with these keys, in the order in which they are passed: the most shared first. Each is named once
    /// more.
    mutating func name(_ keys: JobKeys, of id: FunctionID) -> [GateID] {
        let function = functions[id.index]
        var named = [gates.name(.function(id), nil)]
        if let key = keys.account { named.append(gates.name(.account, key)) }
        if let key = keys.caller { named.append(gates.name(.caller, key)) }
        if let key = keys.target { named.append(gates.name(.target, key)) }
        // Rules without a key of their own are passed by more lanes.
        for isKeyed in [false, true] {
            for (number, key) in zip(function.countNumbers, keys.concurrency)
            where (function.counts[number].key != nil) == isKeyed {
                let gate = gates.name(.count(id, number), key)
                if named.contains(gate) { gates[gate].users -= 1 } else { named.append(gate) }
            }
        }
        for (number, key) in zip(function.rateNumbers, keys.throttle) {
            named.append(gates.name(.rate(id, number), key))
        }
        if keys.isSuspect { named.append(gates.name(.suspects, nil)) }
        return named
    }

    /// Whether nothing is known to be due, now or later, and nobody is asked.
    mutating func forgetIfIdle(_ id: LaneID, at now: Int64) {
        guard lanes[id].standing == .idle, lanes[id].claims == 0 else { return }
        gates.release(lanes[id].gates, at: now)
        lanes[id].gates = []
        lanes.remove(id)
    }
}
