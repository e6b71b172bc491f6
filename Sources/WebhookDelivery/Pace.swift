/// How many attempts are under way somewhere, how quickly they end, and when those that are sent away get their turn. Times
/// are milliseconds of the monotonic clock.
struct Pace {
    /// What would wait longer than this for its turn is not kept.
    private static let keptMilliseconds: Int64 = 250
    /// Where an attempt takes longer than this nothing is kept.
    private static let stuckMilliseconds: Int64 = 1000
    /// Nothing stays away for longer: the turn of what waits for one that hangs is not known.
    private static let longestAway: Int64 = 120_000
    /// One that hangs does not speak for the others while there are no more than these.
    static let few = 16

    private(set) var taken = 0
    /// What an attempt takes, a moving average.
    private var average: Int64 = 0
    /// When an attempt ended last, or when few were last under way.
    private var lastEnd: Int64 = 0
    /// The turn of the last one that was sent away.
    private var lastAway = 0.0

    /// What an attempt takes as far as is known now: what hangs is as slow as its silence is long.
    func milliseconds(at now: Int64) -> Int64 { taken > 0 ? max(average, now - lastEnd) : average }

    func isStuck(at now: Int64) -> Bool { taken > 0 && milliseconds(at: now) > Self.stuckMilliseconds }

    mutating func start(at now: Int64) {
        if taken < Self.few { lastEnd = now }
        taken += 1
    }

    mutating func ended(after milliseconds: Int64, at now: Int64) {
        taken -= 1
        lastEnd = now
        average = (7 * average + max(0, milliseconds)) / 8
        if milliseconds < Self.keptMilliseconds { lastAway = 0 }
    }

    /// - Parameters:
    ///   - waiting: how many wait already.
    ///   - width: how many may be under way at once.
    func keepsOneMore(behind waiting: Int, width: Int, at now: Int64) -> Bool {
        !isStuck(at: now) && step(width, at: now) * Double(waiting + 1) <= Double(Self.keptMilliseconds)
    }

    /// The time from one turn to the next.
    private func step(_ width: Int, at now: Int64) -> Double { Double(milliseconds(at: now)) / Double(max(1, width)) }

    /// How long one stays away that is sent away now: until its turn, behind all that were sent away before.
    ///
    /// - Parameter pace: of those that it waits for; nil: its own.
    mutating func pause(like pace: Pace? = nil, width: Int, at now: Int64) -> Duration {
        let pace = pace ?? self
        // Those under way, and with them those that wait, take at least so long.
        let soonest = Double(now + max(Self.keptMilliseconds, pace.milliseconds(at: now)))
        lastAway = min(max(soonest, lastAway + pace.step(width, at: now)), Double(now + Self.longestAway))
        return .milliseconds(Int64(lastAway) - now)
    }
}
