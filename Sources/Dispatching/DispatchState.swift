internal import DequeModule
internal import HeapModule
package import JobModel
package import JobStore

/// Who may start next. It decides, the dispatcher acts: a value without clock, store or lock.
///
/// A job's *lane* passes its *gates* (function, caller, target, `concurrency`, `throttle`) one after another. A lane that
/// finds a gate shut waits in that gate's line; one that has passed them all waits in its function's ready line for a slot.
/// `plan` grants slots to ready lanes; what it grants is a *reservation* until `resolve` says what came of it. Room that comes
/// back puts its gate on the list of gates to be opened, and the next plan lets as many lanes on as there is room.
///
/// Due times are those of `Moment.steady`; what is measured within the process is in nanoseconds of the monotonic clock.
package struct DispatchState: Sendable {
    /// How much one call does at most: what is left waits for the next, so that nobody waits long for the lock.
    enum Budget {
        /// Lanes that one plan places.
        static let lanes = 256
        /// Lanes that an opening gate may look at beyond its room.
        static let beyondRoom = 64
        /// Lanes whose time has come, of one call.
        static let dueLanes = 512
        /// Lanes that a sweep after a reload looks at, of one plan.
        static let sweep = 256
    }

    var lanes = LaneTable()
    var gates = GateTable()
    var attempts = AttemptTable()
    var functions: [FunctionEntry] = []
    var functionIDs: [String: FunctionID] = [:]
    var functionLine = FunctionLine()
    /// Lanes that stand in a ready line, in all.
    var readyLanes = 0
    /// Lanes whose jobs are due later.
    var later: Heap<LaterLane> = []
    var laterLanes = 0
    /// Gates that open by themselves.
    var alarms: Heap<GateAlarm> = []
    /// Gates whose lines are to be looked at, in turn.
    var opening: Deque<GateID> = []
    /// Lanes whose first job is to be read, and those whose jobs are to be moved.
    var unread: Deque<LaneToken> = []
    var stale: Deque<LaneToken> = []
    var reservations: [ReservationID: Reservation] = [:]
    /// Attempts that started with keys of a former deployment.
    var staleAttempts: [AttemptID] = []
    /// Where suspects wait, and since when: the longest first, by the time since which their lanes wait.
    let suspectGate: GateID
    var waitingSuspects: Heap<LaneEntry> = []
    var suspectTurn = SuspectTurn()
    /// A suspect has come since the last plan, or one may start beside others as soon as a slot is free.
    var hasNewSuspect = false
    var isSuspectOverdue = false
    /// When `suspectTurn` has to be asked again, in nanoseconds of the monotonic clock.
    var nextSuspectLook: Int64?
    var rules: DispatchRules
    /// Which deployment `rules` are of; rises with every reload.
    package private(set) var number = 0
    /// Where the walk over all lanes after a reload stands; nil when none is under way.
    var sweepPlace: Int?
    /// Attempts that have not ended.
    var slotsTaken = 0
    /// Attempts that have ended and whose end is not written.
    var unrecorded = 0
    /// Slots promised to open reservations.
    var slotsReserved = 0
    /// The number of the latest start.
    var turn: UInt64 = 0
    var lastReservation: UInt64 = 0
    package var isDraining = false
    /// Claims that went back without having started, because a limit had no room for them after all.
    package var givenBack = 0
    /// How many elements of lines and heaps were touched: a test bounds it.
    package var touched = 0

    package init(_ rules: DispatchRules) {
        self.rules = rules
        suspectGate = gates.name(.suspects, nil)
        _ = adopt(rules, number: 0, at: Moment(wall: Timestamp(milliseconds: 0), monotonic: 0))
    }

    struct LaterLane: Comparable, Sendable {
        var due: Timestamp
        var lane: LaneID
        var ticket: UInt32

        static func < (left: LaterLane, right: LaterLane) -> Bool {
            (left.due, left.lane.index) < (right.due, right.lane.index)
        }
    }

    struct GateAlarm: Comparable, Sendable {
        var time: Int64
        var gate: GateID

        static func < (left: GateAlarm, right: GateAlarm) -> Bool {
            (left.time, left.gate.index) < (right.time, right.gate.index)
        }
    }

    /// A lane as it stood when somebody was asked to do something for it.
    package struct LaneToken: Sendable {
        let lane: LaneID
        let ticket: UInt32
        package let function: String
        package let key: Int64
    }

    mutating func adopted(_ rules: DispatchRules, number: Int) {
        self.rules = rules
        self.number = number
    }
}

// What it holds.
extension DispatchState {
    /// Slots that nobody has or was promised. None while more ends than there are slots wait to be written: what starts then
    /// would end like them.
    var freeSlots: Int { unrecorded > rules.slots ? 0 : max(0, rules.slots - slotsTaken - slotsReserved) }

    /// Whether `plan` has something to do now.
    package var needsPlan: Bool {
        guard !isDraining else { return false }
        return sweepPlace != nil || !opening.isEmpty || needsSuspectTurn
            || (readyLanes > 0 && freeSlots > 0 && !suspectTurn.isHolding)
    }

    /// Whether first jobs of lanes are to be read or moved.
    package var needsReading: Bool { !isDraining && (!unread.isEmpty || !stale.isEmpty) }

    /// Whether anything is promised.
    package var hasReservations: Bool { !reservations.isEmpty }

    /// The last that was made, open or not.
    package var latestReservation: ReservationID { ReservationID(number: lastReservation) }

    /// The first of those that are open.
    package var earliestReservation: ReservationID? { reservations.keys.min() }

    /// When `plan` has something to do without being told: a due time, and a time of the monotonic clock in nanoseconds.
    package mutating func nextTimes() -> (due: Timestamp?, alarm: Int64?) {
        while let first = later.min, lanes[first.lane].ticket != first.ticket { later.removeMin() }
        while let first = alarms.min, gates[first.gate].alarm != first.time { alarms.removeMin() }
        let alarm = min(alarms.min?.time ?? .max, nextSuspectLook ?? .max)
        return (later.min?.due, alarm < .max ? alarm : nil)
    }

    /// How often starts were held back for a suspect.
    package var startHolds: UInt64 { suspectTurn.holds }

    /// Targets that do not answer.
    package var silentTargets: Int {
        Set(functions.compactMap { $0.rules?.target }).count { key in
            gates.find(.target, key).map { gates[$0].health.isSilent } ?? false
        }
    }
}

extension Moment {
    /// Nanoseconds of the monotonic clock.
    var nanoseconds: Int64 { monotonic.multipliedReportingOverflow(by: 1_000_000).partialValue }
}
