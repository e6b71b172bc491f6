/// Whether a target answers: a circuit breaker. After several attempts in a row that got no answer at all, it is tried one
/// attempt at a time until it answers. What it answers does not matter: a 500 is an answer.
///
/// Times are nanoseconds of the monotonic clock.
struct TargetHealth: Equatable, Sendable {
    /// So many in a row, with no answer in between, are not an accident.
    static let patience = 5
    /// A silent target is tried again when the youngest attempt at it has been under way for so long: an attempt that
    /// hangs must not hide that the target answers again.
    static let probeInterval: Int64 = 5_000_000_000
    /// Attempts at a silent target that may be under way at once in any case. With more slots it is a quarter of them: at the
    /// usual 256 a new one tries every five seconds while attempts hang for up to five minutes.
    static let probes = 8
    private static let firstPause: Int64 = 1_000_000_000

    private(set) var silentAttempts = 0
    private var pauses = 0
    /// Until then nobody tries.
    private var pausedUntil = Int64.min
    private var lastStart = Int64.min
    private(set) var probesUnderWay = 0

    var isSilent: Bool { silentAttempts >= Self.patience }

    /// When a silent target may be tried next; nil while too many attempts try it.
    ///
    /// - Parameter slots: those of the server.
    func nextProbe(of slots: Int) -> Int64? {
        guard probesUnderWay < max(Self.probes, slots / 4) else { return nil }
        guard probesUnderWay > 0 else { return pausedUntil }
        return max(pausedUntil, lastStart + Self.probeInterval)
    }

    /// - Returns: whether this attempt tries a silent target.
    mutating func started(at now: Int64) -> Bool {
        guard isSilent else { return false }
        lastStart = now
        probesUnderWay += 1
        return true
    }

    mutating func probeEnded() { probesUnderWay = max(0, probesUnderWay - 1) }

    /// - Returns: whether it had been silent.
    mutating func answered() -> Bool {
        defer {
            let probes = probesUnderWay
            self = TargetHealth()
            probesUnderWay = probes
        }
        return isSilent
    }

    /// - Returns: whether it counts as silent from now on.
    mutating func gaveNoAnswer(at now: Int64) -> Bool {
        silentAttempts = min(silentAttempts + 1, Self.patience + 1)
        // Attempts that were under way together end together: they are one finding.
        guard isSilent, now >= pausedUntil else { return false }
        pausedUntil = now + min(Self.firstPause << Int64(pauses), Self.probeInterval)
        pauses = min(pauses + 1, 3)
        return pauses == 1
    }
}
