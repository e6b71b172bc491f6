package import JobModel

// A slot for a job that is being accepted: it is leased in the commit that accepts it.
extension DispatchState {
    /// Only while nobody waits whom the job would overtake.
    ///
    /// - Returns: to be closed with `resolve(door:)`; nil when the job has to queue.
    package mutating func reserveForAccept(_ function: String, _ keys: JobKeys, at now: Moment) -> ReservationID? {
        guard !isDraining, !suspectTurn.isHolding, !needsSuspectTurn, freeSlots > 0, readyLanes == 0, opening.isEmpty,
            unread.isEmpty, sweepPlace == nil,
            let id = functionIDs[function], functions[id.index].rules != nil, functions[id.index].isScanned
        else { return nil }
        if let lane = lanes.find(id, keys.lane) {
            guard case .later(let due) = lanes[lane].standing, due > now.steady, lanes[lane].claims == 0 else {
                return nil
            }
        }
        let named = name(keys, of: id)
        guard named.allSatisfy({ gates[$0].line.isEmpty && room($0, at: now.nanoseconds) > 0 }) else {
            gates.release(named, at: now.nanoseconds)
            return nil
        }
        for gate in named { gates[gate].reserved += 1 }
        slotsReserved += 1
        updatePlace(of: id)
        let version = functions[id.index].version
        return reserve([
            Reservation.Grant(lane: LaneID(index: -1), units: 1, gates: named, version: version, formerTurn: 0)
        ])
    }

    /// Closes the reservation of a job at the door.
    ///
    /// - Parameters:
    ///   - isAccepted: whether the job was accepted with its lease.
    ///   - number: of the deployment that its keys were made under.
    package mutating func resolve(
        door id: ReservationID, _ function: String, _ keys: JobKeys, isAccepted: Bool, under number: Int, at now: Moment
    ) -> AttemptID? {
        guard let grant = reservations.removeValue(forKey: id)?.grants.first else { return nil }
        giveBackUnits(of: grant, used: isAccepted ? 1 : 0)
        defer { gates.release(grant.gates, at: now.nanoseconds) }
        guard isAccepted, let function = functionIDs[function] else { return nil }
        return begin(keys, function, under: number, at: now.nanoseconds)
    }
}
