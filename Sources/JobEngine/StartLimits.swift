internal import JobModel

/// How many more may start, by `throttle`, `concurrency` and the health of targets, for every key. A value: it knows, others
/// act.
struct StartLimits {
    enum Obstacle: Equatable {
        /// Until an attempt with this key ends.
        case concurrency(key: Int64)
        /// Until this time, in nanoseconds of the monotonic clock.
        case throttle(until: Int64)
        /// The target does not answer; it is tried again at this time.
        case target(until: Int64)
    }

    /// `accounts.concurrency` where it is less than there are slots; else nil.
    var accountConcurrency: Int?
    /// What one target may have under way.
    var targetConcurrency = Int.max
    private var targets: [Int64: TargetHealth] = [:]
    private var running: [Int64: Int] = [:]
    private var cells: [Int64: CellRate] = [:]

    /// How many jobs with these keys may start now, and what keeps further ones.
    ///
    /// - Parameter planned: starts that are promised and not yet made, by key.
    func room(
        for keys: JobKeys, of limits: FunctionLimits, planned: [Int64: Int] = [:], at now: Int64
    ) -> (count: Int, obstacle: Obstacle?) {
        var room = Int.max
        var obstacle: Obstacle?
        for (rule, key) in zip(limits.concurrency, keys.concurrency) {
            let left = max(0, rule.limit - (running[key] ?? 0) - (planned[key] ?? 0))
            if left < room { (room, obstacle) = (left, .concurrency(key: key)) }
        }
        if let limit = accountConcurrency, let key = keys.account {
            let left = max(0, limit - (running[key] ?? 0) - (planned[key] ?? 0))
            if left < room { (room, obstacle) = (left, .concurrency(key: key)) }
        }
        if let key = keys.target {
            let health = targets[key]
            let limit = health?.isSilent == true ? 1 : targetConcurrency
            let left = max(0, limit - (running[key] ?? 0) - (planned[key] ?? 0))
            if left < room { (room, obstacle) = (left, .concurrency(key: key)) }
            if let until = health?.pausedUntil, until > now { (room, obstacle) = (0, .target(until: until)) }
        }
        for (rule, key) in zip(limits.throttle, keys.throttle) {
            let cell = cells[key] ?? CellRate()
            let left = max(0, cell.available(rule, at: now) - (planned[key] ?? 0))
            if left < room { (room, obstacle) = (left, .throttle(until: cell.nextStart(rule, at: now))) }
        }
        return (room, obstacle)
    }

    /// Everything that keeps a job with these keys from starting now.
    func obstacles(for keys: JobKeys, of limits: FunctionLimits, at now: Int64) -> [Obstacle] {
        var obstacles: [Obstacle] = []
        for (rule, key) in zip(limits.concurrency, keys.concurrency) where (running[key] ?? 0) >= rule.limit {
            obstacles.append(.concurrency(key: key))
        }
        if let limit = accountConcurrency, let key = keys.account, (running[key] ?? 0) >= limit {
            obstacles.append(.concurrency(key: key))
        }
        if let key = keys.target {
            let health = targets[key]
            if let until = health?.pausedUntil, until > now {
                obstacles.append(.target(until: until))
            } else if (running[key] ?? 0) >= (health?.isSilent == true ? 1 : targetConcurrency) {
                obstacles.append(.concurrency(key: key))
            }
        }
        for (rule, key) in zip(limits.throttle, keys.throttle) {
            guard let cell = cells[key], cell.available(rule, at: now) == 0 else { continue }
            obstacles.append(.throttle(until: cell.nextStart(rule, at: now)))
        }
        return obstacles
    }

    mutating func start(_ keys: JobKeys, of limits: FunctionLimits, at now: Int64) {
        for key in keys.slots { running[key, default: 0] += 1 }
        for (rule, key) in zip(limits.throttle, keys.throttle) {
            if cells.count >= Limits.throttleKeys { cells = cells.filter { !$0.value.isIdle(at: now) } }
            cells[key, default: CellRate()].start(rule, at: now)
        }
    }

    /// A start that was noted and did not happen; `end` gives back the slots.
    mutating func cancel(_ keys: JobKeys, of limits: FunctionLimits) {
        for (rule, key) in zip(limits.throttle, keys.throttle) { cells[key]?.giveBack(rule) }
    }

    /// Whether the target of an attempt that ended has answered.
    ///
    /// - Returns: what has changed: true when it answers again, false when it is silent from now on.
    mutating func heard(from keys: JobKeys, _ isAnswer: Bool, at now: Int64) -> Bool? {
        guard let key = keys.target else { return nil }
        guard isAnswer else {
            return targets[key, default: TargetHealth()].gaveNoAnswer(at: now) ? false : nil
        }
        // Most targets answer: nothing is kept of them.
        return targets.removeValue(forKey: key)?.isSilent == true ? true : nil
    }

    /// Nobody asks for the health of a target that the manifest no longer names.
    mutating func forget(targetsBut kept: Set<Int64>) { targets = targets.filter { kept.contains($0.key) } }

    func isSilent(_ keys: JobKeys) -> Bool { keys.target.flatMap { targets[$0]?.isSilent } ?? false }

    var silentTargets: Int { targets.values.filter(\.isSilent).count }

    /// These have room again.
    mutating func end(_ keys: [Int64]) {
        for key in keys {
            let left = (running[key] ?? 1) - 1
            running[key] = left > 0 ? left : nil
        }
    }
}
