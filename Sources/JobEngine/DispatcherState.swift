internal import JobModel
internal import JobStore

/// What the dispatcher knows: who runs, and for each function which lanes have due jobs. It decides; the dispatcher
/// acts.
struct DispatcherState {
    private(set) var running: [JobID: RunningAttempt] = [:]
    private var queues: [String: FunctionQueue] = [:]
    private var starts = StartLimits()
    /// Slots promised to a claim under way.
    private var reserved = 0
    private var turn = 0
    var draining = false

    /// A claimed job, with the keys that its limits count by now.
    struct Claimed {
        var live: LiveJob
        var function: Function
        var keys: JobKeys
    }

    /// A job of the lane is due then, or may be.
    mutating func hint(_ function: String, lane: Int64, due: Timestamp) {
        queues[function, default: FunctionQueue()].hint(lane, due: due)
    }

    /// Free slots handed out: the next one to the function that runs the fewest, between equals to the one whose turn is
    /// longest ago; within a function in the same way to its lanes. Marks them as promised.
    mutating func plan(_ deployment: Deployment, paused: Set<String>, at now: Moment) -> [ClaimAsk] {
        guard !draining else { return [] }
        let limit = deployment.accountConcurrency
        starts.accountConcurrency = limit < deployment.concurrency ? limit : nil
        let free = deployment.concurrency - running.count - reserved
        guard free > 0 else { return [] }
        // A function whose lanes all turn out to be blocked leaves its share to the others: look again without it.
        while true {
            let (asks, found) = plan(free, deployment, paused: paused, at: now)
            if asks.isEmpty, found { continue }
            reserved += asks.reduce(0) { $0 + $1.limit }
            return asks
        }
    }

    /// What would be asked for, and whether any function had ready lanes. Lanes that are blocked are ready no more.
    private mutating func plan(
        _ free: Int, _ deployment: Deployment, paused: Set<String>, at now: Moment
    ) -> (asks: [ClaimAsk], found: Bool) {
        var candidates: [(name: String, limits: FunctionLimits, running: Int, turn: Int)] = []
        for name in queues.keys {
            guard let function = deployment.functions[name], !function.paused, !paused.contains(name) else { continue }
            queues[name]?.wake(at: now.wall)
            guard let queue = queues[name], queue.hasReady else { continue }
            candidates.append((name, function.limits, queue.running, queue.turn))
        }
        candidates.sort { ($0.running, $0.turn) < ($1.running, $1.turn) }
        let shares = Self.fill(free, levels: candidates.map(\.running))
        var asks: [ClaimAsk] = []
        var planned: [Int64: Int] = [:]
        for (candidate, share) in zip(candidates, shares) where share > 0 {
            turn += 1
            queues[candidate.name]?.turn = turn
            let lanes =
                queues[candidate.name]?.share(
                    share, limits: candidate.limits, starts: starts, planned: &planned, at: now) ?? []
            asks += lanes.map { ClaimAsk(function: candidate.name, lane: $0.lane, limit: $0.count) }
        }
        return (asks, !candidates.isEmpty)
    }

    /// Water-filling: how many of `free` each gets when the lowest level always rises first.
    private static func fill(_ free: Int, levels: [Int]) -> [Int] {
        var shares = [Int](repeating: 0, count: levels.count)
        var free = free
        while free > 0, let lowest = zip(levels, shares).map(+).min() {
            for index in levels.indices where levels[index] + shares[index] == lowest && free > 0 {
                shares[index] += 1
                free -= 1
            }
        }
        return shares
    }

    /// The claim is answered: its promise ends, its hints hold. Which of the jobs may start, and which have to go back
    /// because a limit has no room for them after all.
    mutating func answered(
        _ asks: [ClaimAsk], _ answers: [ClaimAnswer], _ claimed: [Claimed], at now: Moment
    ) -> (start: [Claimed], giveBack: [Claimed]) {
        reserved -= asks.reduce(0) { $0 + $1.limit }
        var start: [Claimed] = []
        var giveBack: [Claimed] = []
        let nanoseconds = now.monotonic * 1_000_000
        for job in claimed {
            let name = job.function.name
            let limits = job.function.limits
            let lane = job.live.lane
            if job.keys.lane == lane { queues[name, default: FunctionQueue()].learned(job.keys, of: lane) }
            let (room, obstacle) = starts.room(for: job.keys, of: limits, at: nanoseconds)
            if room > 0 {
                starts.start(job.keys, of: limits, at: nanoseconds)
                start.append(job)
            } else {
                giveBack.append(job)
                if let obstacle { queues[name, default: FunctionQueue()].block(job.keys.lane, by: obstacle, at: now) }
            }
        }
        for answer in answers {
            if let due = answer.nextDue {
                hint(answer.function, lane: answer.lane, due: due)
            } else if answer.jobs.isEmpty {
                queues[answer.function]?.drained(answer.lane)
            }
        }
        return (start, giveBack)
    }

    /// The claim failed: ask again at once when called next.
    mutating func failed(_ asks: [ClaimAsk], at now: Timestamp) {
        reserved -= asks.reduce(0) { $0 + $1.limit }
        for ask in asks { hint(ask.function, lane: ask.lane, due: now) }
    }

    mutating func started(_ attempt: RunningAttempt) {
        running[attempt.live.job.id] = attempt
        queues[attempt.live.job.function, default: FunctionQueue()].started(attempt.live.lane)
    }

    /// Called once for every started attempt.
    mutating func ended(_ attempt: RunningAttempt) {
        // The job's next attempt may have been claimed before this one's end was noted.
        if running[attempt.live.job.id]?.lease == attempt.lease { running[attempt.live.job.id] = nil }
        let name = attempt.live.job.function
        queues[name, default: FunctionQueue()].ended(attempt.live.lane)
        for key in starts.end(attempt.keys) {
            // An account's slots are shared by all functions, the others are of this one.
            for name in key == attempt.keys.account ? Array(queues.keys) : [name] { queues[name]?.unblock(key) }
        }
    }

    func obstacle(for keys: JobKeys, of limits: FunctionLimits, at now: Moment) -> StartLimits.Obstacle? {
        let (room, obstacle) = starts.room(for: keys, of: limits, at: now.monotonic * 1_000_000)
        return room == 0 ? obstacle : nil
    }

    /// When there is something to do without being told: the earliest hint of a function that may start.
    mutating func nextDue(_ deployment: Deployment, paused: Set<String>) -> Timestamp? {
        guard running.count + reserved < deployment.concurrency else { return nil }
        var earliest: Timestamp?
        for name in queues.keys {
            guard let function = deployment.functions[name], !function.paused, !paused.contains(name),
                let due = queues[name]?.nextDue()
            else { continue }
            earliest = earliest.map { min($0, due) } ?? due
        }
        return earliest
    }
}
