internal import HeapModule
package import JobModel

// What is told of due jobs.
extension DispatchState {
    /// A job of the lane is due then. A hint that is lost costs time, never a job: the audit finds the lane.
    ///
    /// - Parameter keys: the job's, where they are known; of the present deployment.
    package mutating func hint(
        _ function: String, lane key: Int64, keys: JobKeys? = nil, due: Timestamp, at now: Moment
    ) {
        // What belongs to an undeclared function is looked for when it comes back.
        guard let id = functionIDs[function], functions[id.index].rules != nil else { return }
        guard let lane = lanes.find(id, key) ?? add(id, key) else { return }
        if let keys, keys.lane == key, !isKnown(lane) { learn(keys, of: lane, at: now.nanoseconds) }
        if due > now.steady { hintLater(lane, due) } else { hintNow(lane, at: now.nanoseconds) }
    }

    private mutating func add(_ function: FunctionID, _ key: Int64) -> LaneID? {
        guard lanes.count < Limits.lanes else { return nil }
        turn += 1
        return lanes.add(function, key, turn: turn)
    }

    private mutating func hintLater(_ lane: LaneID, _ due: Timestamp) {
        switch lanes[lane].standing {
        case .idle: move(lane, to: .later(due))
        case .later(let other): if due < other { move(lane, to: .later(due)) }
        case .claiming, .reading, .moving: lanes[lane].nextDue = min(lanes[lane].nextDue ?? due, due)
        // Whoever claims from it next is told.
        case .ready, .gated: break
        }
    }

    private mutating func hintNow(_ lane: LaneID, at now: Int64) {
        lanes[lane].hasNews = true
        if lanes[lane].expected < .max { lanes[lane].expected += 1 }
        switch lanes[lane].standing {
        case .idle, .claiming: place(lane, at: now)
        case .later: if !lanes[lane].isResting { place(lane, at: now) }
        case .ready, .gated, .reading, .moving: break
        }
    }

    /// All queued jobs of a function have been looked for.
    package mutating func scanned(_ function: String) {
        guard let id = functionIDs[function] else { return }
        functions[id.index].isScanned = true
    }

    /// Declared functions whose queued jobs have not been looked for yet.
    package var unscanned: [String] { functions.filter { $0.rules != nil && !$0.isScanned }.map(\.name) }

    /// Lanes whose time has come are placed, gates that open by themselves are let on.
    mutating func tick(at now: Moment) {
        var budget = Budget.dueLanes
        while let first = later.min, budget > 0 {
            let isCurrent = lanes[first.lane].ticket == first.ticket
            guard !isCurrent || first.due <= now.steady else { break }
            later.removeMin()
            touched += 1
            guard isCurrent else { continue }
            budget -= 1
            lanes[first.lane].isResting = false
            if lanes[first.lane].expected == 0 { lanes[first.lane].expected = 1 }
            place(first.lane, at: now.nanoseconds)
        }
        while let first = alarms.min, first.time <= now.nanoseconds {
            alarms.removeMin()
            touched += 1
            guard gates[first.gate].alarm == first.time else { continue }
            gates[first.gate].alarm = nil
            letOn(first.gate)
        }
    }
}
