/// Whether a target answers: a circuit breaker. After several attempts in a row that got no answer at all it is tried one
/// attempt at a time, with growing pauses, until it answers. What it answers does not matter: a 500 is an answer.
struct TargetHealth: Equatable {
    /// So many in a row, with no answer in between, are no accident.
    static let patience = 5
    private static let firstPause: Int64 = 1_000_000_000
    private static let longestPause: Int64 = 30_000_000_000

    private(set) var silentAttempts = 0
    private var pauses = 0
    /// Until then nobody tries, in nanoseconds of the monotonic clock.
    private(set) var pausedUntil: Int64 = .min

    var isSilent: Bool { silentAttempts >= Self.patience }

    mutating func answered() { self = TargetHealth() }

    /// - Returns: whether it counts as silent from now on.
    mutating func gaveNoAnswer(at now: Int64) -> Bool {
        silentAttempts = min(silentAttempts + 1, Self.patience + 1)
        // Attempts that were under way together end together: they are one finding.
        guard isSilent, now >= pausedUntil else { return false }
        pausedUntil = now + min(Self.firstPause << Int64(pauses), Self.longestPause)
        pauses = min(pauses + 1, 5)
        return pauses == 1
    }
}
