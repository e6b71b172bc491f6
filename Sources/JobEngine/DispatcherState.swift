internal import JobModel
internal import JobStore

/// What the dispatcher knows: who runs, and for each function which lanes have due jobs. It decides; the dispatcher
/// acts.
struct DispatcherState {
    /// Until their ends are recorded.
    private(set) var running: [JobID: RunningAttempt] = [:]
    /// Attempts that have begun and not ended. An end that is being written holds no slot.
    private var slotsTaken = 0
    private var queues: [String: FunctionQueue] = [:]
    private var starts = StartLimits()
    /// Slots promised to claims under way.
    private var reserved = 0
    /// Starts promised to claims under way, by key of a limit.
    private(set) var promised: [Int64: Int] = [:]
    /// Slots promised to jobs that are being accepted.
    private var admitted = 0
    /// Lanes whose latest claim was cut by its limit: more of them is due.
    private var behind: Set<Place> = []
    /// Somebody who may start waits for a slot, as far as is known: true until slots have been handed out once.
    private(set) var isShort = true
    private var turn = 0
    var draining = false

    private struct Place: Hashable {
        var function: String
        var lane: Int64
    }

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
    ///
    /// - Parameter leaving: slots that are not handed out.
    mutating func plan(
        _ deployment: Deployment, paused: Set<String>, at now: Moment, leaving: Int = 0
    ) -> [ClaimAsk] {
        guard !draining else { return [] }
        adopt(deployment)
        let free = self.free(deployment) - leaving
        guard free > 0 else {
            isShort = true
            return []
        }
        // A function whose lanes all turn out to be blocked leaves its share to the others: look again without it.
        while true {
            let (asks, candidates, hasBlocked) = plan(free, deployment, paused: paused, at: now)
            if asks.isEmpty, hasBlocked { continue }
            reserved += asks.reduce(0) { $0 + $1.limit }
            isShort =
                candidates.contains { queues[$0]?.hasReady == true }
                || asks.contains { behind.contains(Place(function: $0.function, lane: $0.lane)) }
            return asks
        }
    }

    private mutating func adopt(_ deployment: Deployment) {
        let limit = deployment.accountConcurrency
        starts.accountConcurrency = limit < deployment.concurrency ? limit : nil
        starts.targetConcurrency = deployment.targetConcurrency
    }

    private func free(_ deployment: Deployment) -> Int {
        // When ends cannot be written they pile up: then nothing starts that would end like them.
        let held = max(slotsTaken, running.count - deployment.concurrency)
        return deployment.concurrency - held - reserved - admitted
    }

    /// While nobody waits for a slot, a claim leaves half of the free ones to jobs that are being accepted.
    func leavesForAdmission(_ deployment: Deployment) -> Int {
        isShort ? 0 : max(0, free(deployment)) / 2
    }

    /// Takes a slot for a job that is being accepted, so that it is leased in the commit that accepts it. Only while no
    /// queued job of anybody waits for one: whoever came before starts before.
    mutating func admit(
        _ function: Function, _ keys: JobKeys, _ deployment: Deployment, paused: Set<String>, at now: Moment
    ) -> Bool {
        guard !draining, !isShort, free(deployment) > 0, !function.paused, !paused.contains(function.name) else {
            return false
        }
        adopt(deployment)
        let isBound = function.startRules.bindStarts || (starts.accountConcurrency != nil && keys.account != nil)
        if let queue = queues[function.name], queue.mayHaveDue(keys.lane, isBound: isBound, at: now.steady) {
            return false
        }
        let nanoseconds = now.monotonic * 1_000_000
        guard starts.room(for: keys, of: function.limits, at: nanoseconds).count > 0 else {
            // It queues, and nobody need claim it to find out that it has to wait.
            queues[function.name, default: FunctionQueue()].learned(keys, of: keys.lane, under: function.startRules)
            return false
        }
        starts.start(keys, of: function.limits, at: nanoseconds)
        admitted += 1
        return true
    }

    /// The job was not accepted after all.
    mutating func giveBackAdmission(_ function: Function, _ keys: JobKeys) {
        admitted -= 1
        starts.cancel(keys, of: function.limits)
        free(keys.slots, of: keys, function.name)
    }

    /// The job was accepted with its lease: it runs.
    mutating func began(_ attempt: RunningAttempt) {
        admitted -= 1
        started(attempt)
    }

    /// What would be asked for, and which functions had ready lanes and may start. Lanes that are blocked are ready no more.
    private mutating func plan(
        _ free: Int, _ deployment: Deployment, paused: Set<String>, at now: Moment
    ) -> (asks: [ClaimAsk], candidates: [String], hasBlocked: Bool) {
        var candidates: [(name: String, rules: StartRules, running: Int, turn: Int)] = []
        for name in queues.keys {
            guard let function = deployment.functions[name], !function.paused, !paused.contains(name) else { continue }
            queues[name]?.wake(at: now.steady)
            guard let queue = queues[name], queue.hasReady else { continue }
            candidates.append((name, function.startRules, queue.running, queue.turn))
        }
        candidates.sort { ($0.running, $0.turn) < ($1.running, $1.turn) }
        let shares = Self.fill(free, levels: candidates.map(\.running))
        var asks: [ClaimAsk] = []
        var hasBlocked = false
        for (candidate, share) in zip(candidates, shares) where share > 0 {
            turn += 1
            queues[candidate.name]?.turn = turn
            guard
                let lanes = queues[candidate.name]?.share(
                    share, rules: candidate.rules, starts: starts, planned: &promised, at: now)
            else { continue }
            asks += lanes.asks.map { ClaimAsk(function: candidate.name, lane: $0.lane, limit: $0.count) }
            hasBlocked = hasBlocked || lanes.hasBlocked
        }
        return (asks, candidates.map(\.name), hasBlocked)
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
        endAsking(asks)
        var start: [Claimed] = []
        var giveBack: [Claimed] = []
        let nanoseconds = now.monotonic * 1_000_000
        for job in claimed {
            let name = job.function.name
            let limits = job.function.limits
            let lane = job.live.lane
            if job.keys.lane == lane {
                queues[name, default: FunctionQueue()].learned(job.keys, of: lane, under: job.function.startRules)
            }
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
            let place = Place(function: answer.function, lane: answer.lane)
            if let due = answer.nextDue, due <= now.steady {
                behind.insert(place)
                isShort = true
            } else {
                behind.remove(place)
            }
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
        endAsking(asks)
        for ask in asks { hint(ask.function, lane: ask.lane, due: now) }
    }

    private mutating func endAsking(_ asks: [ClaimAsk]) {
        for ask in asks {
            reserved -= ask.limit
            for (key, count) in queues[ask.function]?.answered(ask.lane) ?? [:] {
                let left = (promised[key] ?? 0) - count
                promised[key] = left > 0 ? left : nil
            }
        }
    }

    mutating func started(_ attempt: RunningAttempt) {
        slotsTaken += 1
        running[attempt.live.job.id] = attempt
        queues[attempt.live.job.function, default: FunctionQueue()].started(attempt.live.lane)
    }

    /// Called once for every started attempt. Its end waits to be written, with others, and the next job may be claimed in
    /// the same commit.
    mutating func ended(_ attempt: RunningAttempt) {
        slotsTaken -= 1
        if let target = attempt.keys.target { free([target], of: attempt.keys, attempt.live.job.function) }
    }

    /// Called once for every started attempt: its end is written, or others have ended it.
    mutating func recorded(_ attempt: RunningAttempt) {
        // The job's next attempt may have been claimed before this one's end was noted.
        if running[attempt.live.job.id]?.lease == attempt.lease { running[attempt.live.job.id] = nil }
        let name = attempt.live.job.function
        queues[name, default: FunctionQueue()].ended(attempt.live.lane)
        free(attempt.keys.untilRecorded, of: attempt.keys, name)
    }

    /// An account's slots and a target's are shared by all functions, the other keys are of this one.
    private mutating func free(_ slots: [Int64], of keys: JobKeys, _ function: String) {
        starts.end(slots)
        for key in slots {
            for name in keys.isShared(key) ? Array(queues.keys) : [function] where queues[name]?.unblock(key) == true {
                isShort = true
            }
        }
    }

    /// Another manifest is in force: what waited for a limit may start now.
    ///
    /// - Parameter targets: keys of the targets that it has.
    mutating func adopted(targets: Set<Int64>) {
        starts.forget(targetsBut: targets)
        for name in queues.keys { queues[name]?.unblockAll() }
        isShort = true
    }

    /// Whether an attempt's target has answered; to be told before its end.
    ///
    /// - Returns: true when the target answers again, false when it is silent from now on, nil when nothing has changed.
    mutating func heard(_ attempt: RunningAttempt, _ isAnswer: Bool, at now: Moment) -> Bool? {
        starts.heard(from: attempt.keys, isAnswer, at: now.monotonic * 1_000_000)
    }

    func isSilent(_ keys: JobKeys) -> Bool { starts.isSilent(keys) }

    /// Targets that do not answer.
    var silentTargets: Int { starts.silentTargets }

    /// Whether all slots are taken or promised.
    func isFull(_ deployment: Deployment) -> Bool { free(deployment) <= 0 }

    /// Whether a slot that becomes free may be what somebody waits for.
    func needsPlan(_ deployment: Deployment) -> Bool {
        isShort || free(deployment) <= 1
    }

    func obstacles(for keys: JobKeys, of limits: FunctionLimits, at now: Moment) -> [StartLimits.Obstacle] {
        starts.obstacles(for: keys, of: limits, at: now.monotonic * 1_000_000)
    }

    /// When there is something to do without being told: the earliest hint of a function that may start.
    mutating func nextDue(_ deployment: Deployment, paused: Set<String>) -> Timestamp? {
        guard free(deployment) > 0 else { return nil }
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
