package import JobModel

/// What came of what was promised.
package enum ClaimOutcome: Sendable {
    /// In the order of the claimed lanes.
    case answered([LaneAnswer])
    /// - Parameter isStoreWide: no lane is to blame.
    case failed(isStoreWide: Bool)
}

extension DispatchState {
    /// Closes the reservation of a claim.
    ///
    /// - Parameter number: of the deployment that the answers' keys were made under.
    /// - Returns: what becomes of each claimed job, in the order of the lanes.
    package mutating func resolve(
        _ id: ReservationID, _ outcome: ClaimOutcome, under number: Int, at now: Moment
    ) -> [[Start]] {
        guard let reservation = reservations.removeValue(forKey: id) else { return [] }
        var starts: [[Start]] = []
        switch outcome {
        case .answered(let answers):
            for (grant, answer) in zip(reservation.grants, answers) {
                giveBackUnits(of: grant, used: answer.jobs.count)
                let jobs = start(answer.jobs, of: grant, under: number, at: now)
                starts.append(jobs)
                // Others may have the room of what does not start.
                if jobs.contains(.giveBack) { for gate in grant.gates { letOn(gate) } }
                settle(grant.lane, answer, at: now)
                gates.release(grant.gates, at: now.nanoseconds)
            }
        case .failed(let isStoreWide):
            for grant in reservation.grants {
                giveBackUnits(of: grant, used: 0)
                let rests = !isStoreWide && reservation.grants.count == 1
                tryAgain(grant, isStoreWide: isStoreWide, rests: rests, at: now)
                gates.release(grant.gates, at: now.nanoseconds)
            }
        }
        return starts
    }

    /// The units are promised no longer. Those that were not used let others on; so do all of them when the rules have
    /// changed, for what starts holds units of other gates.
    mutating func giveBackUnits(of grant: Reservation.Grant, used: Int) {
        slotsReserved -= grant.units
        // The first gate is always the function's.
        guard let first = grant.gates.first, case .function(let function) = gates[first].rule else { return }
        let letsOn = used < grant.units || grant.version != functions[function.index].version
        for gate in grant.gates {
            gates[gate].reserved -= grant.units
            if letsOn { letOn(gate) }
        }
        updatePlace(of: function)
    }

    private mutating func start(
        _ jobs: [JobKeys], of grant: Reservation.Grant, under number: Int, at now: Moment
    ) -> [Start] {
        let function = lanes[grant.lane].function
        return jobs.map { keys in
            guard !isDraining, functions[function.index].rules != nil else { return .giveBack }
            // What was claimed for this lane has its room. Another lane's job has to have its own.
            if keys.lane != lanes[grant.lane].key, number >= functions[function.index].changedUnder,
                !hasRoom(keys, function, at: now.nanoseconds)
            {
                givenBack += 1
                return .giveBack
            }
            return .attempt(begin(keys, function, under: number, at: now.nanoseconds))
        }
    }

    private mutating func hasRoom(_ keys: JobKeys, _ function: FunctionID, at now: Int64) -> Bool {
        let named = name(keys, of: function)
        defer { gates.release(named, at: now) }
        return named.allSatisfy { room($0, at: now) > 0 }
    }

    /// An attempt starts: it holds a unit of each of its gates.
    mutating func begin(_ keys: JobKeys, _ function: FunctionID, under number: Int, at now: Int64) -> AttemptID {
        // Keys of a former deployment say nothing about the present rules: `rekey` brings the present ones.
        let isStale = number < functions[function.index].changedUnder
        var present = isStale ? JobKeys(account: keys.account, caller: keys.caller) : keys
        present.isSuspect = keys.isSuspect
        let named = name(present, of: function)
        var attempt = AttemptEntry(function: function, gates: named)
        for gate in named {
            switch gates[gate].rule {
            case .rate: countStart(gate, at: now)
            case .target: attempt.isProbe = gates[gate].health.started(at: now)
            case .function, .account, .caller, .count, .suspects: break
            }
            if gates[gate].rule.isHeld { gates[gate].counted += 1 }
            // Those who wait there may have waited for the reservation only.
            if room(gate, at: now) > 0 { letOn(gate) } else { arm(gate, at: now) }
        }
        let (held, passed) = (named.filter { gates[$0].rule.isHeld }, named.filter { !gates[$0].rule.isHeld })
        attempt.gates = held
        gates.release(passed, at: now)
        slotsTaken += 1
        updatePlace(of: function)
        let id = attempts.add(attempt)
        if isStale { staleAttempts.append(id) }
        return id
    }

    /// Where the lane stands after its claim.
    private mutating func settle(_ lane: LaneID, _ answer: LaneAnswer, at now: Moment) {
        lanes[lane].claims -= 1
        lanes[lane].isClaimedAlone = false
        if let due = answer.nextDue, due <= now.steady {
            // More is due than was asked for: how much, nobody knows.
            lanes[lane].expected = .max
            if lanes[lane].standing == .claiming { place(lane, at: now.nanoseconds) }
            return
        }
        if let due = answer.nextDue { lanes[lane].nextDue = min(lanes[lane].nextDue ?? due, due) }
        if !lanes[lane].hasNews { lanes[lane].expected = 0 }
        switch lanes[lane].standing {
        case .ready, .gated:
            guard lanes[lane].expected == 0 else { return }
            passRoomOn(lane)
            move(lane, to: .claiming)
        case .idle, .later, .claiming, .reading, .moving: break
        }
        rest(lane, at: now)
    }

    /// A lane of which nothing is due.
    mutating func rest(_ lane: LaneID, at now: Moment) {
        guard lanes[lane].standing == .claiming, lanes[lane].claims == 0 else { return }
        if let due = lanes[lane].nextDue {
            lanes[lane].nextDue = nil
            if due > now.steady {
                move(lane, to: .later(due))
            } else {
                lanes[lane].expected = max(1, lanes[lane].expected)
                place(lane, at: now.nanoseconds)
            }
        } else {
            move(lane, to: .idle)
            forgetIfIdle(lane, at: now.nanoseconds)
        }
    }

    /// As if nothing had been claimed: the lane has the turn that it had.
    private mutating func tryAgain(_ grant: Reservation.Grant, isStoreWide: Bool, rests: Bool, at now: Moment) {
        let lane = grant.lane
        lanes[lane].claims -= 1
        lanes[lane].expected = max(1, lanes[lane].expected)
        lanes[lane].turn = min(lanes[lane].turn, grant.formerTurn)
        // One damaged row fails every claim that it is part of: its lane is found by claiming from each by itself.
        if !isStoreWide { lanes[lane].isClaimedAlone = true }
        if rests {
            lanes[lane].isResting = true
            move(lane, to: .later(now.steady + Limits.failedLaneRest))
        } else if lanes[lane].standing == .claiming || lanes[lane].standing == .ready {
            passRoomOn(lane)
            place(lane, at: now.nanoseconds)
        }
    }
}
