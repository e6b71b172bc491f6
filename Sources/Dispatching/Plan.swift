internal import DequeModule
package import JobModel
package import JobStore

// Which lanes may start jobs now.
extension DispatchState {
    /// Grants free slots: one a turn, to the function that has the fewest attempts under way, and of its ready lanes to the
    /// least recently served.
    ///
    /// - Parameter besidesEnds: the claim shares its commit with ends: lanes whose claim failed before are left out.
    /// - Returns: what is to be claimed; nil when nobody may start. `needsPlan` says whether something was left over.
    package mutating func plan(at now: Moment, besidesEnds: Bool = false) -> PlannedClaim? {
        guard !isDraining else { return nil }
        tick(at: now)
        sweep(at: now.nanoseconds)
        openGates(at: now.nanoseconds)
        var budget = Budget.lanes
        var grants: [Reservation.Grant] = []
        startSuspects(&grants, besidesEnds: besidesEnds, at: now.nanoseconds)
        if suspectTurn.isHolding || isComplete(grants) { return close(grants) }
        var passedOver: [LaneID] = []
        while budget > 0, freeSlots > 0, let function = functionLine.popFirst(functions) {
            guard let lane = functions[function.index].ready.popFirst(lanes) else { continue }
            takeOut(lane)
            budget -= 1
            if lanes[lane].isClaimedAlone, besidesEnds || !grants.isEmpty {
                passedOver.append(lane)
            } else {
                consider(lane, &grants, at: now.nanoseconds)
            }
            updatePlace(of: function)
            if isComplete(grants) { break }
        }
        for lane in passedOver { move(lane, to: .ready) }
        return close(grants)
    }

    /// Whether nothing may be claimed beside.
    private func isComplete(_ grants: [Reservation.Grant]) -> Bool {
        grants.first.map { lanes[$0.lane].isClaimedAlone } ?? false
    }

    /// Notes that a lane was taken out of its ready line.
    private mutating func takeOut(_ lane: LaneID) {
        readyLanes -= 1
        touched += 1
        lanes[lane].ticket &+= 1
        lanes[lane].standing = .claiming
    }

    /// What was open when the lane came into the ready line may be shut by now.
    private mutating func consider(_ lane: LaneID, _ grants: inout [Reservation.Grant], at now: Int64) {
        if gates(of: lane).contains(where: { room($0, at: now) == 0 }) {
            passRoomOn(lane)
            place(lane, at: now)
        } else if isKnown(lane) {
            grant(lane, units: units(for: lane, at: now), &grants, at: now)
        } else {
            move(lane, to: .reading)
            unread.append(token(of: lane))
        }
    }

    mutating func grant(_ lane: LaneID, units: Int, _ grants: inout [Reservation.Grant], at now: Int64) {
        let named = lanes[lane].gates
        for gate in named { gates[gate].reserved += units }
        slotsReserved += units
        if lanes[lane].grant < 0 {
            for gate in named { gates[gate].users += 1 }
            lanes[lane].grant = grants.count
            lanes[lane].claims += 1
            grants.append(
                Reservation.Grant(
                    lane: lane, units: units, gates: named, version: lanes[lane].version, formerTurn: lanes[lane].turn))
        } else {
            grants[lanes[lane].grant].units += units
        }
        turn += 1
        lanes[lane].turn = turn
        functions[lanes[lane].function.index].turn = turn
        lanes[lane].hasNews = false
        if lanes[lane].expected < .max { lanes[lane].expected = max(0, lanes[lane].expected - units) }
        // While more of it is believed to be due it goes on, behind the others.
        guard lanes[lane].expected > 0 else { return }
        if named.last == suspectGate { place(lane, at: now) } else { move(lane, to: .ready) }
    }

    /// One a turn; a lane that nobody else competes with takes all that it may have.
    private func units(for lane: LaneID, at now: Int64) -> Int {
        guard readyLanes == 0, opening.isEmpty else { return 1 }
        return lanes[lane].gates.reduce(min(freeSlots, max(1, lanes[lane].expected))) { min($0, room($1, at: now)) }
    }

    private mutating func close(_ grants: [Reservation.Grant]) -> PlannedClaim? {
        guard !grants.isEmpty else { return nil }
        for grant in grants { lanes[grant.lane].grant = -1 }
        let claims = grants.map { grant in
            LaneClaim(
                function: functions[lanes[grant.lane].function.index].name, lane: lanes[grant.lane].key,
                limit: grant.units)
        }
        return PlannedClaim(reservation: reserve(grants), lanes: claims)
    }

    mutating func reserve(_ grants: [Reservation.Grant]) -> ReservationID {
        lastReservation += 1
        let id = ReservationID(number: lastReservation)
        reservations[id] = Reservation(grants: grants)
        return id
    }

    /// Lets lanes on at gates that have room, as many as there is room, and at most a few beyond: further lanes would find
    /// another gate shut.
    private mutating func openGates(at now: Int64) {
        var budget = Budget.lanes
        for _ in 0..<opening.count {
            guard budget > 0, let id = opening.popFirst() else { return }
            gates[id].isOpening = false
            open(id, &budget, at: now)
        }
    }

    private mutating func open(_ id: GateID, _ budget: inout Int, at now: Int64) {
        let room = room(id, at: now)
        var letOn = 0
        var looks = min(budget, room < .max - Budget.beyondRoom ? room + Budget.beyondRoom : .max)
        budget -= min(looks, gates[id].line.count)
        while letOn < room, looks > 0, let lane = gates[id].line.popFirst(lanes) {
            looks -= 1
            lanes[lane].ticket &+= 1
            lanes[lane].standing = .claiming
            place(lane, at: now)
            if lanes[lane].standing == .ready { letOn += 1 }
        }
        if letOn < room { self.letOn(id) } else { arm(id, at: now) }
    }

    func token(of lane: LaneID) -> LaneToken {
        LaneToken(
            lane: lane, ticket: lanes[lane].ticket, function: functions[lanes[lane].function.index].name,
            key: lanes[lane].key)
    }
}
