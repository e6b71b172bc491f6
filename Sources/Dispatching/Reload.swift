package import JobModel

// Another manifest comes into force, and operators pause functions.
extension DispatchState {
    /// The rules of a deployment are in force from here on. What waits is looked at again in slices, by the plans that follow.
    ///
    /// - Parameter number: rises with every deployment.
    /// - Returns: attempts under way whose keys have changed; their functions start nothing until `rekey` brings the new ones.
    package mutating func adopt(_ rules: DispatchRules, number: Int, at now: Moment) -> [AttemptID] {
        adopted(rules, number: number)
        var changed: Set<FunctionID> = []
        let declared = Set(rules.functions.map(\.name))
        for function in functions where !declared.contains(function.name) {
            guard let id = functionIDs[function.name], function.rules != nil else { continue }
            _ = functions[id.index].adopt(nil, number: number)
            let former = functions[id.index].commonGates
            functions[id.index].commonGates = [gates.name(.function(id), nil)]
            gates.release(former, at: now.nanoseconds)
        }
        for rules in rules.functions {
            let id = functionIDs[rules.name] ?? addFunction(rules.name)
            if functions[id.index].adopt(rules, number: number) { changed.insert(id) }
            nameCommonGates(of: id, rules, at: now.nanoseconds)
        }
        sweepPlace = 0
        for id in attempts.all {
            if let function = attempts[id]?.function, changed.contains(function) {
                functions[function.index].isRekeying = true
            }
        }
        return attempts.all.filter { id in attempts[id].map { functions[$0.function.index].isRekeying } ?? false }
    }

    private mutating func addFunction(_ name: String) -> FunctionID {
        let id = FunctionID(index: functions.count)
        var entry = FunctionEntry(name: name, gate: gates.name(.function(id), nil))
        entry.commonGates = [gates.name(.function(id), nil)]
        functions.append(entry)
        functionIDs[name] = id
        return id
    }

    private mutating func nameCommonGates(of id: FunctionID, _ rules: FunctionRules, at now: Int64) {
        let former = functions[id.index].commonGates
        functions[id.index].commonGates = commonGates(rules, of: id)
        gates.release(former, at: now)
    }

    /// The gates of rules that every job counts in.
    private mutating func commonGates(_ rules: FunctionRules, of id: FunctionID) -> [GateID] {
        let function = functions[id.index]
        var named = [gates.name(.function(id), nil)]
        if let key = rules.target { named.append(gates.name(.target, key)) }
        for (number, key) in zip(function.countNumbers, rules.commonConcurrency) {
            guard let key else { continue }
            let gate = gates.name(.count(id, number), key)
            if named.contains(gate) { gates[gate].users -= 1 } else { named.append(gate) }
        }
        for (number, key) in zip(function.rateNumbers, rules.commonThrottles) {
            if let key { named.append(gates.name(.rate(id, number), key)) }
        }
        return named
    }

    /// The keys of attempts under way, under the deployment of this number.
    ///
    /// - Returns: false when another deployment has come meanwhile: nothing has changed.
    package mutating func rekey(_ keys: [(AttemptID, JobKeys)], under number: Int, at now: Moment) -> Bool {
        guard number == self.number else { return false }
        for (id, keys) in keys {
            guard var attempt = attempts[id] else { continue }
            let next = name(keys, of: attempt.function)
            let held = next.filter { gates[$0].rule.isHeld }
            for gate in held where isHolding(gate, attempt) { gates[gate].counted += 1 }
            for gate in attempt.gates where isHolding(gate, attempt) {
                gates[gate].counted -= 1
                letOn(gate)
            }
            let former = attempt.gates
            attempt.gates = held
            attempts[id] = attempt
            gates.release(former + next.filter { !gates[$0].rule.isHeld }, at: now.nanoseconds)
        }
        for index in functions.indices where functions[index].isRekeying {
            functions[index].isRekeying = false
            letOn(functions[index].gate)
        }
        return true
    }

    private func isHolding(_ gate: GateID, _ attempt: AttemptEntry) -> Bool {
        !attempt.hasEnded || gates[gate].rule.isHeldUntilRecorded
    }

    /// Attempts that started with keys of a former deployment: they want `rekey`.
    package mutating func takeStaleAttempts() -> [AttemptID] {
        defer { staleAttempts = [] }
        return staleAttempts
    }

    package mutating func setPaused(_ function: String, _ isPaused: Bool) {
        let id = functionIDs[function] ?? addFunction(function)
        functions[id.index].isPausedByOperator = isPaused
        if !isPaused { letOn(functions[id.index].gate) }
    }

    /// A slice of the lanes: one that waits at a gate which it no longer passes, or which has room now, moves on.
    mutating func sweep(at now: Int64) {
        guard let first = sweepPlace else { return }
        let end = min(lanes.capacity, first + Budget.sweep)
        for index in first..<max(first, end) {
            let id = LaneID(index: Int32(index))
            guard case .gated(let gate) = lanes[id].standing else { continue }
            touched += 1
            if !gates(of: id).contains(gate) {
                place(id, at: now)
            } else if room(gate, at: now) > 0 {
                letOn(gate)
            } else {
                arm(gate, at: now)
            }
        }
        sweepPlace = end < lanes.capacity ? end : nil
    }
}
