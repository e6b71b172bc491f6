internal import JobModel
internal import JobStore

/// What the dispatcher knows: who runs, and a hint for each function when its next job is due. It decides; the
/// dispatcher acts.
struct DispatcherState {
    private(set) var running: [JobID: RunningAttempt] = [:]
    private(set) var runningByFunction: [String: Int] = [:]
    /// Slots promised to a claim under way.
    private var reserved = 0
    /// The earliest known due time; none means that nothing is known to be queued.
    private var hints: [String: Timestamp] = [:]
    /// When each function was last given a slot, for turns between equals.
    private var turns: [String: Int] = [:]
    private var turn = 0
    var draining = false

    /// A job of the function is due then, or may be.
    mutating func hint(_ function: String, due: Timestamp) {
        hints[function] = hints[function].map { min($0, due) } ?? due
    }

    /// Free slots handed out to functions that may have due jobs: the next slot goes to the one that runs the fewest,
    /// between equals to the one whose turn is longest ago. Marks them as promised.
    mutating func plan(_ deployment: Deployment, at now: Timestamp) -> [ClaimAsk] {
        guard !draining else { return [] }
        var free = deployment.concurrency - running.count - reserved
        guard free > 0 else { return [] }
        var candidates = hints.compactMap { name, due -> (name: String, running: Int)? in
            guard due <= now, let function = deployment.functions[name], !function.paused else { return nil }
            return (name, runningByFunction[name] ?? 0)
        }
        guard !candidates.isEmpty else { return [] }
        candidates.sort { ($0.running, turns[$0.name] ?? 0) < ($1.running, turns[$1.name] ?? 0) }
        var granted = [Int](repeating: 0, count: candidates.count)
        // Fill up from the emptiest: all candidates up to the level of the next, then one more each.
        while free > 0 {
            let levels = candidates.indices.map { candidates[$0].running + granted[$0] }
            guard let lowest = levels.min() else { break }
            for index in candidates.indices where levels[index] == lowest && free > 0 {
                granted[index] += 1
                free -= 1
            }
        }
        var asks: [ClaimAsk] = []
        for (index, candidate) in candidates.enumerated() where granted[index] > 0 {
            turn += 1
            turns[candidate.name] = turn
            hints[candidate.name] = nil
            asks.append(ClaimAsk(function: candidate.name, limit: granted[index]))
            reserved += granted[index]
        }
        return asks
    }

    /// The claim is answered: its promise ends, its hints hold.
    mutating func answered(_ asks: [ClaimAsk], _ answers: [ClaimAnswer]) {
        reserved -= asks.reduce(0) { $0 + $1.limit }
        for answer in answers {
            if let due = answer.nextDue { hint(answer.function, due: due) }
        }
    }

    /// The claim failed: ask again at once when called next.
    mutating func failed(_ asks: [ClaimAsk], at now: Timestamp) {
        reserved -= asks.reduce(0) { $0 + $1.limit }
        for ask in asks { hint(ask.function, due: now) }
    }

    mutating func started(_ attempt: RunningAttempt) {
        running[attempt.live.job.id] = attempt
        runningByFunction[attempt.live.job.function, default: 0] += 1
    }

    mutating func ended(_ attempt: RunningAttempt) {
        guard running.removeValue(forKey: attempt.live.job.id) != nil else { return }
        let name = attempt.live.job.function
        let left = (runningByFunction[name] ?? 1) - 1
        runningByFunction[name] = left > 0 ? left : nil
    }

    /// When there is something to do without being told: the earliest hint of a function that may start.
    func nextDue(_ deployment: Deployment) -> Timestamp? {
        guard running.count + reserved < deployment.concurrency else { return nil }
        return hints.filter { deployment.functions[$0.key].map { !$0.paused } ?? false }.values.min()
    }
}
