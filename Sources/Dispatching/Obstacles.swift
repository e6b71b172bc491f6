package import JobModel

/// What keeps a job from starting, beside free slots.
package enum Obstacle: Equatable, Sendable {
    /// As many of its attempts run as may; not for one that is paused or undeclared.
    case function(limit: Int)
    case account
    case caller
    /// As many attempts at its target run as may.
    case targetBusy(limit: Int)
    /// The target does not answer; it is tried then, in nanoseconds of the monotonic clock, or is being tried.
    case targetSilent(until: Int64?)
    case concurrency
    /// The next start conforms then.
    case throttle(until: Int64)
    /// It is a suspect: it waits until nothing else runs, and at most until then, in nanoseconds of the monotonic clock.
    case suspect(until: Int64?)
    /// Starts are held back for a suspect, at most until then.
    case held(until: Int64)
}

extension DispatchState {
    /// Every gate that is shut for a job with these keys now.
    package mutating func obstacles(_ function: String, _ keys: JobKeys, at now: Moment) -> [Obstacle] {
        guard let id = functionIDs[function] else { return [] }
        let time = now.nanoseconds
        let named = name(keys, of: id)
        defer { gates.release(named, at: time) }
        let shut: [Obstacle] = named.filter { room($0, at: time) == 0 }.compactMap { gate in
            switch gates[gate].rule {
            case .function: functions[id.index].limit == 0 ? nil : .function(limit: functions[id.index].limit)
            case .account: .account
            case .caller: .caller
            case .target:
                gates[gate].health.isSilent
                    ? .targetSilent(until: gates[gate].health.nextProbe(of: rules.slots))
                    : .targetBusy(limit: rules.targetLimit(gates[gate].key))
            case .count: .concurrency
            case .rate: .throttle(until: opensAt(gate, time) ?? time)
            case .suspects: .suspect(until: lanes.find(id, keys.lane).flatMap { suspectWaits($0) })
            }
        }
        guard !keys.isSuspect, let end = suspectTurn.holdEnd, end > time else { return shut }
        return shut + [.held(until: end)]
    }
}
