import JobModel
import Testing

@testable import Dispatching

extension DispatchWorld {
    /// What must hold at any time.
    func check(_ location: SourceLocation = #_sourceLocation) {
        var ready: [FunctionID: Int] = [:]
        var gated: [GateID: Int] = [:]
        var letOn: Set<GateID> = []
        for lane in state.lanes.all {
            let function = state.lanes[lane].function
            switch state.lanes[lane].standing {
            case .ready:
                ready[function, default: 0] += 1
                letOn.formUnion(state.gates(of: lane))
            case .reading: letOn.formUnion(state.functions[function.index].commonGates)
            case .gated(let gate): gated[gate, default: 0] += 1
            case .idle, .later, .claiming, .moving: break
            }
            #expect(state.lanes[lane].grant == -1, sourceLocation: location)
            if state.lanes[lane].standing == .claiming {
                #expect(
                    state.lanes[lane].claims > 0, "a lane that nobody claims from stands nowhere",
                    sourceLocation: location)
            }
        }
        #expect(state.readyLanes == ready.values.reduce(0, +), sourceLocation: location)
        for index in state.functions.indices {
            #expect(
                state.functions[index].ready.count == ready[FunctionID(index: index), default: 0],
                sourceLocation: location)
        }
        for (gate, count) in gated {
            #expect(state.gates[gate].line.count == count, sourceLocation: location)
            let room = state.room(gate, at: now.nanoseconds)
            // A throttle's room grows with time: an open reservation looks at it when it is closed.
            let isAwaited =
                state.gates[gate].isOpening || state.sweepPlace != nil || letOn.contains(gate)
                || (!state.gates[gate].rule.isHeld && state.gates[gate].reserved > 0)
            #expect(
                room == 0 || isAwaited || state.gates[gate].alarm.map { $0 <= now.nanoseconds } == true,
                "\(count) lanes wait at \(state.gates[gate].rule), which has room for \(room)", sourceLocation: location
            )
            if room == 0, case .rate = state.gates[gate].rule, state.gates[gate].reserved == 0, !isAwaited {
                #expect(state.gates[gate].alarm != nil, "nothing opens a throttle", sourceLocation: location)
            }
        }
        checkUnits(location)
    }

    /// What gates and slots count is what runs and what is promised.
    private func checkUnits(_ location: SourceLocation) {
        var counted: [GateID: Int] = [:]
        for id in state.attempts.all {
            guard let attempt = state.attempts[id] else { continue }
            for gate in attempt.gates where !attempt.hasEnded || state.gates[gate].rule.isHeldUntilRecorded {
                counted[gate, default: 0] += 1
            }
        }
        var reserved: [GateID: Int] = [:]
        for grant in state.reservations.values.flatMap(\.grants) {
            for gate in grant.gates { reserved[gate, default: 0] += grant.units }
        }
        for gate in Set(counted.keys).union(reserved.keys) {
            #expect(state.gates[gate].counted == counted[gate, default: 0], sourceLocation: location)
            #expect(state.gates[gate].reserved == reserved[gate, default: 0], sourceLocation: location)
        }
        #expect(state.slotsTaken == running.count, sourceLocation: location)
        #expect(state.unrecorded == ended.count, sourceLocation: location)
        #expect(state.slotsReserved == state.reservations.values.reduce(0) { $0 + $1.units }, sourceLocation: location)
        #expect(running.count + state.slotsReserved <= state.rules.slots, sourceLocation: location)
    }

    /// What runs, by the keys of the deployment in force, is within its limits.
    func checkLimits(_ location: SourceLocation = #_sourceLocation) {
        var counts: [Int64: Int] = [:]
        var limits: [Int64: Int] = [:]
        for job in (running + ended).map(\.job) {
            guard let function = deployment.policy(of: job.function)?.declared, let keys = keys(of: job) else {
                continue
            }
            for (rule, key) in zip(function.limits.concurrency, keys.concurrency) {
                limits[key] = min(limits[key] ?? .max, rule.limit)
            }
            for key in Set(keys.concurrency) { counts[key, default: 0] += 1 }
            if let account = keys.account {
                counts[account, default: 0] += 1
                limits[account] = deployment.accountConcurrency
            }
            if let caller = keys.caller {
                counts[caller, default: 0] += 1
                limits[caller] = deployment.anonymous.concurrency
            }
        }
        for (key, count) in counts { #expect(count <= limits[key] ?? .max, sourceLocation: location) }
    }
}
