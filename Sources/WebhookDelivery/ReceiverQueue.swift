/// What is known of one receiver: how many webhooks are under way to it, how many wait, and how quick it is.
struct ReceiverQueue {
    /// What a receiver may have under way in any case.
    static let sure = 16
    /// What it may have that has never answered: until it does, it may be one of many that were named to hold up others.
    static let unknown = 2
    /// A receiver that takes longer than this gets no more than `sure`, in milliseconds.
    private static let slowMilliseconds: Int64 = 5000

    /// Whether it has answered since the process began, with any status.
    var hasAnswered: Bool
    var pace = Pace()
    var waiting = 0

    init(hasAnswered: Bool) { self.hasAnswered = hasAnswered }

    var isIdle: Bool { pace.taken == 0 && waiting == 0 }

    /// - Parameter free: slots that are left to whoever wants one.
    func mayStart(free: Int, at now: Int64) -> Bool {
        guard hasAnswered else { return pace.taken < Self.unknown }
        if pace.taken < Self.sure { return true }
        return pace.taken < free && pace.milliseconds(at: now) < Self.slowMilliseconds
    }

    func keepsOneMore(at now: Int64) -> Bool { pace.keepsOneMore(behind: waiting, width: width, at: now) }

    mutating func pause(at now: Int64) -> Duration { pace.pause(width: width, at: now) }

    /// One that has not answered yet will have more under way once it has: nobody waits as long as two at a time would take.
    private var width: Int { hasAnswered ? pace.taken : SlotBounds.total / 2 }
}
