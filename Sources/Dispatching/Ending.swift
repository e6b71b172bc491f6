package import JobModel

// What an attempt holds comes back in two steps.
extension DispatchState {
    /// The attempt has ended: its slot, its function's and its target's units are free.
    package mutating func ended(_ id: AttemptID, _ reply: TargetReply, at now: Moment) -> TargetChange {
        guard var attempt = attempts[id], !attempt.hasEnded else { return .nothing }
        attempt.hasEnded = true
        attempts[id] = attempt
        slotsTaken -= 1
        unrecorded += 1
        var change = TargetChange.nothing
        for gate in attempt.gates {
            if case .target = gates[gate].rule { change = note(reply, attempt.isProbe, gate, at: now.nanoseconds) }
            if !gates[gate].rule.isHeldUntilRecorded { giveBack(gate) }
        }
        updatePlace(of: attempt.function)
        return change
    }

    /// The attempt's end is written, or somebody else has ended it.
    package mutating func recorded(_ id: AttemptID, at now: Moment) {
        guard let attempt = attempts.remove(id) else { return }
        unrecorded -= 1
        for gate in attempt.gates where gates[gate].rule.isHeldUntilRecorded { giveBack(gate) }
        gates.release(attempt.gates, at: now.nanoseconds)
    }

    private mutating func giveBack(_ gate: GateID) {
        gates[gate].counted -= 1
        letOn(gate)
    }

    private mutating func note(_ reply: TargetReply, _ isProbe: Bool, _ gate: GateID, at now: Int64) -> TargetChange {
        if isProbe { gates[gate].health.probeEnded() }
        switch reply {
        case .unknown: return .nothing
        case .answered: return gates[gate].health.answered() ? .answersAgain : .nothing
        case .none:
            let isNew = gates[gate].health.gaveNoAnswer(at: now)
            arm(gate, at: now)
            return isNew ? .isSilent : .nothing
        }
    }
}
