internal import JobModel

/// When a suspect may start: a job that the next crash fails for good, so that crash had better be its own.
///
/// It starts when nothing else runs. For that, other starts are held back now and then; within one hold suspects start one
/// after another. One that has waited too long starts beside others, but not beside another suspect: who has run for as
/// long as others wait at most is none any more.
///
/// Times are nanoseconds of the monotonic clock. A process begins with a hold to spare: after a crash that is when it counts.
struct SuspectTurn: Sendable {
    /// Who is there.
    struct Scene: Sendable {
        /// Whether a suspect waits that nothing else keeps from starting.
        var isAwaited: Bool
        /// Suspects that run, are about to, or whose end is not written.
        var suspects: Int
        /// Everything else of that kind.
        var others: Int
    }

    private static let hold = Limits.startHold.milliseconds * 1_000_000
    private static let holdInterval = Limits.startHoldInterval.milliseconds * 1_000_000
    static let patience = Limits.suspectPatience.milliseconds * 1_000_000

    /// When the hold under way ends at the latest.
    private(set) var holdEnd: Int64?
    /// How many holds there were.
    private(set) var holds: UInt64 = 0
    private var nextHold = Int64.min
    private var lastStart = Int64.min / 2

    var isHolding: Bool { holdEnd != nil }

    /// Whether a suspect starts now, alone. Begins and ends holds.
    ///
    /// - Parameter since: since when the one has waited that has waited the longest.
    mutating func startsAlone(waitingSince since: Int64?, _ scene: Scene, at now: Int64) -> Bool {
        if let end = holdEnd, now >= end || !isNeeded(scene) { holdEnd = nil }
        guard let since, scene.isAwaited, scene.suspects == 0 else { return false }
        // What starts beside others next needs no hold.
        if holdEnd == nil, now >= nextHold, scene.others == 0 || now < firstStartBeside(since, scene) {
            (holdEnd, nextHold) = (now + Self.hold, now + Self.holdInterval)
            holds += 1
        }
        return scene.others == 0
    }

    /// Whether a hold that is under way has somebody to be for.
    func isNeeded(_ scene: Scene) -> Bool { scene.isAwaited || scene.suspects > 0 }

    /// Whether the suspect that has waited the longest starts beside others.
    func startsBesideOthers(waitingSince since: Int64, _ scene: Scene, at now: Int64) -> Bool {
        !isHolding && now >= firstStartBeside(since, scene)
    }

    private func firstStartBeside(_ since: Int64, _ scene: Scene) -> Int64 {
        max(since, scene.suspects == 0 ? since : lastStart) + Self.patience
    }

    mutating func started(at now: Int64) { lastStart = now }

    /// When to ask again if nothing happens until then.
    func nextLook(waitingSince since: Int64?, _ scene: Scene, at now: Int64) -> Int64? {
        if let holdEnd { return holdEnd }
        guard scene.isAwaited, let since else { return nil }
        let times = [firstStartBeside(since, scene)] + (scene.suspects == 0 ? [nextHold] : [])
        return times.filter { $0 > now }.min()
    }
}
