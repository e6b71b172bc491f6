internal import DequeModule
internal import JobModel

/// The webhooks of one receiver: how many are under way, which wait, and how quick it is. Times are milliseconds of the
/// monotonic clock.
struct ReceiverQueue {
    /// What would wait longer than this for its turn is not kept.
    private static let keptMilliseconds: Int64 = 250
    /// For a receiver that takes longer than this nothing is kept.
    private static let stuckMilliseconds: Int64 = 1000
    /// Nothing stays away for longer: the turn of what waits for one that hangs is not known.
    private static let longestAway: Int64 = 120_000

    /// What a receiver may have under way in any case.
    static let sure = 16

    private(set) var taken = 0
    private var waiting: Deque<HeldDelivery> = []
    /// What an attempt takes, a moving average.
    private var average: Int64 = 0
    /// When an attempt ended last, or when it last had few under way: one that hangs does not speak for the receiver.
    private var lastEnd: Int64
    /// The turn of the last one that was sent away.
    private var lastAway = 0.0

    init(since now: Int64) { lastEnd = now }

    /// What an attempt takes as far as is known now: one that hangs is as slow as its silence is long.
    func milliseconds(at now: Int64) -> Int64 { max(average, now - lastEnd) }

    mutating func start(at now: Int64) {
        if taken < Self.sure { lastEnd = now }
        taken += 1
    }

    mutating func ended(after milliseconds: Int64, at now: Int64) {
        taken -= 1
        lastEnd = now
        average = (7 * average + max(0, milliseconds)) / 8
        if milliseconds < Self.keptMilliseconds { lastAway = 0 }
    }

    var isIdle: Bool { taken == 0 && waiting.isEmpty }

    mutating func wait(_ held: HeldDelivery) { waiting.append(held) }

    mutating func next() -> HeldDelivery? { waiting.popFirst() }

    mutating func takeWaiting() -> [HeldDelivery] {
        defer { waiting = [] }
        return Array(waiting)
    }

    func isStuck(at now: Int64) -> Bool { milliseconds(at: now) > Self.stuckMilliseconds }

    func keepsOneMore(at now: Int64) -> Bool {
        !isStuck(at: now) && step(at: now) * Double(waiting.count + 1) <= Double(Self.keptMilliseconds)
    }

    /// The time from one turn to the next.
    private func step(at now: Int64) -> Double { Double(milliseconds(at: now)) / Double(max(1, taken)) }

    /// How long one stays away that is sent there now: until its turn, behind all that were sent there before.
    mutating func pause(at now: Int64) -> Duration {
        // Those under way, and with them those that wait, take at least so long.
        let soonest = Double(now + max(Self.keptMilliseconds, milliseconds(at: now)))
        lastAway = min(max(soonest, lastAway + step(at: now)), Double(now + Self.longestAway))
        return .milliseconds(Int64(lastAway) - now)
    }
}
