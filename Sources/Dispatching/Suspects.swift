internal import HeapModule
internal import JobModel

// Suspects stand in lanes of their own, with a gate of their own behind all the others, whose line waits for `SuspectTurn`.
extension DispatchState {
    private var scene: SuspectTurn.Scene {
        let suspects = gates[suspectGate].counted + gates[suspectGate].reserved
        return SuspectTurn.Scene(
            isAwaited: !gates[suspectGate].line.isEmpty, suspects: suspects,
            others: slotsTaken + unrecorded + slotsReserved - suspects)
    }

    /// Whether a plan has something to do for suspects now. While they wait for time to pass, `nextSuspectLook` says so.
    var needsSuspectTurn: Bool {
        let scene = scene
        if suspectTurn.isHolding, !suspectTurn.isNeeded(scene) { return true }
        guard scene.isAwaited else { return false }
        let isOverdue = isSuspectOverdue && freeSlots > 0 && !suspectTurn.isHolding
        return hasNewSuspect || isOverdue || (scene.suspects == 0 && scene.others == 0)
    }

    /// Grants slots to suspects whose turn it is.
    mutating func startSuspects(_ grants: inout [Reservation.Grant], besidesEnds: Bool, at now: Int64) {
        hasNewSuspect = false
        while suspectTurn.startsAlone(waitingSince: longestWait(), scene, at: now), freeSlots > 0,
            let lane = gates[suspectGate].line.popFirst(lanes)
        {
            touched += 1
            lanes[lane].ticket &+= 1
            lanes[lane].standing = .claiming
            consider(suspect: lane, &grants, at: now)
        }
        for _ in 0..<gates[suspectGate].line.count {
            guard freeSlots > 0, let lane = overdueSuspect(at: now),
                !lanes[lane].isClaimedAlone || (!besidesEnds && grants.isEmpty)
            else { break }
            move(lane, to: .claiming)
            consider(suspect: lane, &grants, at: now)
        }
        isSuspectOverdue = overdueSuspect(at: now) != nil
        nextSuspectLook = suspectTurn.nextLook(waitingSince: longestWait(), scene, at: now)
    }

    /// What was open when the lane came to the last gate may be shut by now.
    private mutating func consider(suspect lane: LaneID, _ grants: inout [Reservation.Grant], at now: Int64) {
        if !isKnown(lane) || gates(of: lane).contains(where: { $0 != suspectGate && room($0, at: now) == 0 }) {
            passRoomOn(lane)
            place(lane, at: now)
        } else {
            grant(lane, units: 1, &grants, at: now)
            suspectTurn.started(at: now)
        }
        updatePlace(of: lanes[lane].function)
    }

    private mutating func overdueSuspect(at now: Int64) -> LaneID? {
        guard let since = longestWait(), suspectTurn.startsBesideOthers(waitingSince: since, scene, at: now) else {
            return nil
        }
        return waitingSuspects.min?.lane
    }

    /// Since when the first of those waits who stand at the gate.
    private mutating func longestWait() -> Int64? {
        while let entry = waitingSuspects.min, !lanes.isCurrent(entry) { waitingSuspects.removeMin() }
        return waitingSuspects.min.map { Int64($0.turn) }
    }

    /// A lane comes to the gate of suspects. What it waited there before counts until nothing is due in it.
    mutating func noteWait(of lane: LaneID, at now: Int64) {
        lanes[lane].waitsAloneSince = lanes[lane].waitsAloneSince ?? max(0, now)
        hasNewSuspect = true
    }

    mutating func joinWaiting(_ lane: LaneID) {
        let since = UInt64(max(0, lanes[lane].waitsAloneSince ?? 0))
        waitingSuspects.insert(LaneEntry(turn: since, lane: lane, ticket: lanes[lane].ticket))
        touched += 1
        guard waitingSuspects.count > 2 * gates[suspectGate].line.count + 64 else { return }
        waitingSuspects = Heap(waitingSuspects.unordered.filter(lanes.isCurrent))
    }

    /// Until when a suspect of this lane waits at most; nil when it does not stand at the gate.
    func suspectWaits(_ lane: LaneID) -> Int64? {
        guard lanes[lane].standing == .gated(suspectGate) else { return nil }
        return lanes[lane].waitsAloneSince.map { $0 + SuspectTurn.patience }
    }
}
