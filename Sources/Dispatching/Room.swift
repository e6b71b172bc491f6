internal import HeapModule
internal import JobModel

// How much room a gate has, and when it will have some.
extension DispatchState {
    /// How many more may pass the gate now.
    func room(_ id: GateID, at now: Int64) -> Int {
        switch gates[id].rule {
        case .function(let function): left(id, functions[function.index].limit)
        case .account: left(id, rules.accountLimit)
        case .caller: left(id, rules.callerLimit)
        case .count(let function, let number): left(id, functions[function.index].counts[number].limit ?? .max)
        case .target:
            if gates[id].health.isSilent {
                // Beside the target's limit: attempts that hang must not hide that it answers again.
                gates[id].health.nextProbe(of: rules.slots).map { $0 <= now && gates[id].reserved == 0 } == true ? 1 : 0
            } else {
                left(id, rules.targetLimit(gates[id].key))
            }
        case .rate(let function, let number):
            functions[function.index].rates[number].rule.map { rule in
                max(0, cell(id, rule, at: now).available(rule, at: now) - gates[id].reserved)
            } ?? .max
        // Nobody is let on: `startSuspects` takes them from its line.
        case .suspects: 0
        }
    }

    private func left(_ id: GateID, _ limit: Int) -> Int {
        limit == .max ? .max : max(0, limit - gates[id].counted - gates[id].reserved)
    }

    /// Its starts as the present rule counts them.
    private func cell(_ id: GateID, _ rule: Throttle, at now: Int64) -> CellRate {
        guard let former = gates[id].cellRule, former != rule else { return gates[id].cell }
        return gates[id].cell.converted(from: former, to: rule, at: now)
    }

    /// From here on the starts of a throttle are counted by the present rule.
    ///
    /// - Returns: the rule; nil when the gate is not a throttle's, or its rule has gone.
    @discardableResult private mutating func convertCell(_ id: GateID, at now: Int64) -> Throttle? {
        guard case .rate(let function, let number) = gates[id].rule,
            let rule = functions[function.index].rates[number].rule
        else { return nil }
        gates[id].cell = cell(id, rule, at: now)
        gates[id].cellRule = rule
        return rule
    }

    /// A start passes the gate of a throttle.
    mutating func countStart(_ id: GateID, at now: Int64) {
        guard let rule = convertCell(id, at: now) else { return }
        gates[id].cell.start(rule, at: now)
    }

    /// When the gate has room without anybody ending; nil when somebody has to.
    func opensAt(_ id: GateID, _ now: Int64) -> Int64? {
        switch gates[id].rule {
        case .function, .account, .caller, .count, .suspects: return nil
        case .target: return gates[id].health.isSilent ? gates[id].health.nextProbe(of: rules.slots) : nil
        case .rate(let function, let number):
            guard let rule = functions[function.index].rates[number].rule else { return nil }
            let next = cell(id, rule, at: now).nextStart(rule, at: now)
            return next > now ? next : nil
        }
    }

    /// A gate with a line that opens by itself is looked at then.
    mutating func arm(_ id: GateID, at now: Int64) {
        // Who waits from now on waits as the present rule says; converted at every look, the wait would never end.
        convertCell(id, at: now)
        guard !gates[id].line.isEmpty, let time = opensAt(id, now), gates[id].alarm.map({ time < $0 }) ?? true else {
            return
        }
        gates[id].alarm = time
        alarms.insert(GateAlarm(time: time, gate: id))
        touched += 1
        guard alarms.count > 2 * gates.count + 64 else { return }
        alarms = Heap(alarms.unordered.filter { gates[$0.gate].alarm == $0.time })
    }

    /// The gate may have room: the next plan looks at its line.
    mutating func letOn(_ id: GateID) {
        guard !gates[id].line.isEmpty, !gates[id].isOpening else { return }
        gates[id].isOpening = true
        opening.append(id)
    }
}
