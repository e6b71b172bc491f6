internal import JobModel

/// What lanes wait for: one record for each key of a limit.
struct Gate: Sendable {
    /// Where its limit is found: rules are looked up when they are needed, so a reload changes them in one place.
    enum Rule: Hashable, Sendable {
        /// What one function may have under way; none while it is paused or undeclared.
        case function(FunctionID)
        /// `accounts.concurrency`.
        case account
        /// `anonymous.concurrency`.
        case caller
        /// What one target may have under way, less while it does not answer.
        case target
        /// `concurrency`, by its number in the function's list.
        case count(FunctionID, Int)
        /// `throttle`, by its number in the function's list.
        case rate(FunctionID, Int)
        /// Where suspects wait for their turn, the last gate of theirs.
        case suspects

        /// Whether an attempt holds a unit of it.
        var isHeld: Bool {
            switch self {
            case .function, .account, .caller, .target, .count, .suspects: true
            case .rate: false
            }
        }

        /// What an operator bounds is bounded over a crash too, and so is whom a crash is charged to: held until the end is written, not only until it came.
        var isHeldUntilRecorded: Bool {
            switch self {
            case .account, .caller, .count, .suspects: true
            case .function, .target, .rate: false
            }
        }
    }

    let rule: Rule
    /// nil for a function's own gate and that of suspects.
    let key: Int64?
    /// Attempts that hold a unit.
    var counted = 0
    /// Units promised to open reservations.
    var reserved = 0
    /// Lanes, attempts and reservations that name it.
    var users = 0
    var line = LaneLine()
    /// Whether it is in the row of gates that nobody names.
    var isUnnamed = false
    /// Whether it is on the list of gates whose line is to be looked at.
    var isOpening = false
    /// When it is looked at by itself, in nanoseconds of the monotonic clock.
    var alarm: Int64?
    /// Of a throttle: its starts, as this rule counted them.
    var cell = CellRate()
    var cellRule: Throttle?
    /// Of a target.
    var health = TargetHealth()

    init(rule: Rule, key: Int64?) {
        self.rule = rule
        self.key = key
    }

    var isInUse: Bool { users > 0 || counted > 0 || reserved > 0 || isOpening || !line.isEmpty }

    /// Whether a gate made anew would let more starts through. The health of a target that no function names is nobody's.
    func isRemembering(at now: Int64) -> Bool { !cell.isIdle(at: now) }
}
