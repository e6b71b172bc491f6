internal import DequeModule
internal import HeapModule
internal import JobModel

/// What is known of one function's queue: which lanes may have due jobs, which will later, which have to wait for a
/// limit. Hints only: a lane that is missing here is found by the next poll.
struct FunctionQueue {
    private struct LaterLane: Comparable {
        var due: Timestamp
        var lane: Int64

        static func < (left: LaterLane, right: LaterLane) -> Bool { left.due < right.due }
    }

    /// Claims under way for a lane.
    private struct Asked {
        var claims = 0
        /// Where a limit binds there is one at a time: another would be given the same room.
        var isAlone = false
        /// What it may start, by key of a limit.
        var promise: [Int64: Int] = [:]
        /// A hint that came meanwhile.
        var due: Timestamp?

        mutating func add(_ other: Asked) {
            claims += other.claims
            isAlone = isAlone || other.isAlone
            promise.merge(other.promise, uniquingKeysWith: +)
        }
    }

    /// So many lanes are looked at for one claim.
    private static let width = 64

    /// The lane of jobs without an owner that no limit tells apart.
    private static let ownerless: Int64 = 0

    /// Lanes that may have due jobs, in turn.
    private var ready: Deque<Int64> = []
    private var isReady: Set<Int64> = []
    private var later: Heap<LaterLane> = []
    private var laterDue: [Int64: Timestamp] = [:]
    /// Lanes that wait until a concurrency key has room.
    private var waiting: [Int64: Set<Int64>] = [:]
    private var isWaiting: Set<Int64> = []
    /// Lanes of which jobs are being claimed.
    private var asked: [Int64: Asked] = [:]
    private(set) var running = 0
    private var runningByLane: [Int64: Int] = [:]
    /// When this function was last given a slot.
    var turn = 0
    /// The keys of each lane's jobs, as far as they have been seen, under these rules.
    private var keys: [Int64: JobKeys] = [:]
    private var rules = StartRules()

    var hasReady: Bool { !ready.isEmpty }

    /// Whether somebody of the lane may be queued and due, or, where limits bind, about to take what they leave: then
    /// whoever comes now is not the first.
    func mayHaveDue(_ lane: Int64, isBound: Bool, at now: Timestamp) -> Bool {
        if isBound, !asked.isEmpty || !ready.isEmpty { return true }
        return isReady.contains(lane) || isWaiting.contains(lane) || laterDue[lane].map { $0 <= now } ?? false
    }

    /// When a lane becomes ready by itself.
    mutating func nextDue() -> Timestamp? {
        while let first = later.min, laterDue[first.lane] != first.due { later.removeMin() }
        return later.min?.due
    }

    /// A job of the lane is due then, or may be.
    mutating func hint(_ lane: Int64, due: Timestamp) {
        guard !isReady.contains(lane), !isWaiting.contains(lane) else { return }
        if let other = asked[lane], other.isAlone {
            asked[lane]?.due = other.due.map { min($0, due) } ?? due
            return
        }
        if let known = laterDue[lane], known <= due { return }
        laterDue[lane] = due
        later.insert(LaterLane(due: due, lane: lane))
        // An earlier hint leaves the later entry in the heap: rebuild it before most of it is of that kind.
        if later.count > 2 * laterDue.count + 64 { later = Heap(laterDue.map { LaterLane(due: $1, lane: $0) }) }
    }

    /// Lanes whose time has come take their place at the end of the row.
    mutating func wake(at now: Timestamp) {
        while let due = nextDue(), due <= now {
            let lane = later.removeMin().lane
            laterDue[lane] = nil
            if isReady.insert(lane).inserted { ready.append(lane) }
        }
    }

    /// - Returns: whether a lane waited for it.
    mutating func unblock(_ key: Int64) -> Bool {
        guard waiting[key] != nil else { return false }
        for lane in waiting.removeValue(forKey: key) ?? [] {
            isWaiting.remove(lane)
            if isReady.insert(lane).inserted { ready.append(lane) }
        }
        return true
    }

    /// Limits may have changed: every lane that waits for one is looked at again.
    mutating func unblockAll() {
        for key in Array(waiting.keys) { _ = unblock(key) }
    }

    /// The lane cannot start anything: it comes back when the obstacle is gone.
    mutating func block(_ lane: Int64, by obstacle: StartLimits.Obstacle, at now: Moment) {
        if isReady.remove(lane) != nil { ready.removeAll { $0 == lane } }
        switch obstacle {
        case .concurrency(let key):
            laterDue[lane] = nil
            waiting[key, default: []].insert(lane)
            isWaiting.insert(lane)
        case .throttle(let until), .target(let until):
            let milliseconds = until / 1_000_000 - now.monotonic + 1
            hint(lane, due: now.steady + .milliseconds(max(1, milliseconds)))
        }
    }

    /// A lane that is looked at for a claim.
    private struct Candidate {
        var lane: Int64
        var running: Int
        var granted = 0
        var room = Int.max
        var asked = Asked(claims: 1)
    }

    /// Hands up to `slots` out to ready lanes: the next one to the lane that runs the fewest. Lanes that get some leave
    /// the row until the claim is answered.
    ///
    /// - Parameter planned: starts that are promised and not yet made, by key; those of this call are added.
    /// - Returns: what to claim, and whether lanes were found that have to wait for a limit.
    mutating func share(
        _ slots: Int, rules: StartRules, starts: StartLimits, planned: inout [Int64: Int], at now: Moment
    ) -> (asks: [(lane: Int64, count: Int)], hasBlocked: Bool) {
        adopt(rules)
        var hasBlocked = false
        var lanes = ready.prefix(Self.width).map { Candidate(lane: $0, running: runningByLane[$0] ?? 0) }
        var left = slots
        // Lanes that may share a key are given one at a time, so that each grant sees the others.
        while left > 0, let index = Self.emptiest(lanes) {
            let lane = lanes[index].lane
            guard rules.bindStarts || (starts.accountConcurrency != nil && lane != Self.ownerless) else {
                let share = lanes.count == 1 ? left : 1
                lanes[index].granted += share
                left -= share
                continue
            }
            lanes[index].asked.isAlone = true
            // What a lane's keys are is not known before its first job has been seen.
            guard let keys = keys[lane] else {
                lanes[index].granted = 1
                lanes[index].room = 0
                left -= 1
                continue
            }
            let (room, obstacle) = starts.room(
                for: keys, of: rules.limits, planned: planned, at: now.monotonic * 1_000_000)
            if room == 0 {
                lanes[index].room = 0
                // Only what runs can end and wake the lane; what is merely planned may come to nothing.
                let isTaken = starts.room(for: keys, of: rules.limits, at: now.monotonic * 1_000_000).count == 0
                if isTaken, lanes[index].granted == 0, let obstacle {
                    block(lane, by: obstacle, at: now)
                    hasBlocked = true
                }
                continue
            }
            // One by itself takes all that it may have.
            let share = lanes.count == 1 ? min(left, room) : 1
            lanes[index].granted += share
            for key in keys.slots + keys.throttle {
                planned[key, default: 0] += share
                lanes[index].asked.promise[key, default: 0] += share
            }
            left -= share
        }
        let granted = lanes.filter { $0.granted > 0 }
        for lane in granted {
            isReady.remove(lane.lane)
            asked[lane.lane, default: Asked()].add(lane.asked)
        }
        if !granted.isEmpty {
            let gone = Set(granted.map(\.lane))
            ready.removeAll { gone.contains($0) }
        }
        return (granted.map { ($0.lane, $0.granted) }, hasBlocked)
    }

    private static func emptiest(_ lanes: [Candidate]) -> Int? {
        var best: Int?
        for index in lanes.indices where lanes[index].room > 0 {
            let load = lanes[index].running + lanes[index].granted
            if best.map({ load < lanes[$0].running + lanes[$0].granted }) ?? true { best = index }
        }
        return best
    }

    mutating func learned(_ keys: JobKeys, of lane: Int64, under rules: StartRules) {
        adopt(rules)
        self.keys[lane] = keys
    }

    /// What was learned under other rules is worth nothing.
    private mutating func adopt(_ rules: StartRules) {
        guard rules != self.rules else { return }
        self.rules = rules
        keys = [:]
    }

    /// What was asked for has come, or failed to.
    ///
    /// - Returns: what had been promised to it, by key.
    mutating func answered(_ lane: Int64) -> [Int64: Int] {
        asked[lane]?.claims -= 1
        guard let claim = asked[lane], claim.claims <= 0 else { return [:] }
        asked[lane] = nil
        if let due = claim.due { hint(lane, due: due) }
        return claim.promise
    }

    /// The lane has no queued jobs.
    mutating func drained(_ lane: Int64) {
        if runningByLane[lane] == nil { keys[lane] = nil }
    }

    mutating func started(_ lane: Int64) {
        running += 1
        runningByLane[lane, default: 0] += 1
    }

    mutating func ended(_ lane: Int64) {
        running -= 1
        let left = (runningByLane[lane] ?? 1) - 1
        runningByLane[lane] = left > 0 ? left : nil
        if left <= 0, !isReady.contains(lane), !isWaiting.contains(lane), laterDue[lane] == nil { keys[lane] = nil }
    }
}
