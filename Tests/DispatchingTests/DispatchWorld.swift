import JobModel
import JobStore
import PayloadSchema

@testable import Dispatching

/// A store and handlers that a test moves by hand, around a `DispatchState`.
struct DispatchWorld {
    struct Job: Equatable {
        var number: Int
        var function: String
        var owner: String?
        var client = ""
        var tenant: Int?
        var due: Timestamp
        var lane: Int64
        var isSuspect = false
    }

    struct Running {
        var id: AttemptID
        var job: Job
    }

    struct Claim {
        var planned: PlannedClaim
        var number: Int
    }

    var state: DispatchState
    var deployment: Deployment
    var number = 0
    var now = Moment(wall: Timestamp(milliseconds: 1_000_000), monotonic: 1_000_000)
    /// Queued jobs by function and lane, the earliest due first.
    var queued: [String: [Int64: [Job]]] = [:]
    var claims: [Claim] = []
    var running: [Running] = []
    var ended: [Running] = []
    var starts: [Job] = []
    var recorded = 0
    var accepted = 0

    init(_ deployment: Deployment) {
        self.deployment = deployment
        state = DispatchState(DispatchRules(deployment))
        for name in deployment.functions.map(\.name) { state.scanned(name) }
    }

    static func function(
        _ name: String, target: String? = nil, _ change: (inout Function) -> Void = { _ in }
    ) -> Function {
        let url = target.flatMap { try? Template($0) }
        var function = Function(
            name: name, handler: url.map { .http(HTTPTarget(url: $0)) } ?? .builtin(Builtin(kind: .echo)),
            endpoint: Endpoint(path: PathPattern(literals: [name])))
        change(&function)
        return function
    }

    static let tenant = ValuePath("payload.tenant").map { LimitKey.value($0) }

    func keys(of job: Job, under deployment: Deployment? = nil) -> JobKeys? {
        guard let function = (deployment ?? self.deployment).policy(of: job.function)?.declared else { return nil }
        let payload = job.tenant.map { ["tenant": .number(JSONNumber(Int64($0)))] as JSONValue }
        var keys = LimitKeys.of(
            function, KeySource(owner: job.owner, client: job.client, payload: payload, parameters: .null))
        guard job.isSuspect else { return keys }
        keys.lane = LimitKeys.lane(ofSuspectsFrom: keys.lane)
        keys.isSuspect = true
        return keys
    }

    /// The server has died twice while a job ran: it is taken up.
    ///
    /// - Parameters:
    ///   - isRead: whether its keys are known before a job of its lane is read.
    ///   - isMoved: false as an older version left it.
    mutating func takeUp(
        _ function: String, owner: String? = nil, tenant: Int? = nil, isRead: Bool = true, isMoved: Bool = true
    ) {
        var job = Job(
            number: accepted + 1, function: function, owner: owner, tenant: tenant, due: now.steady, lane: 0,
            isSuspect: isMoved)
        guard let keys = self.keys(of: job) else { return }
        accepted += 1
        job.lane = keys.lane
        job.isSuspect = true
        insert(job)
        state.hint(function, lane: keys.lane, keys: isRead ? keys : nil, due: job.due, at: now)
    }

    var queuedCount: Int { queued.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } } }

    mutating func insert(_ job: Job) {
        var lane = queued[job.function, default: [:]][job.lane, default: []]
        lane.insert(job, at: lane.firstIndex { $0.due > job.due } ?? lane.count)
        queued[job.function, default: [:]][job.lane] = lane
    }

    /// Accepts a job, at the door when there is a slot.
    mutating func accept(
        _ function: String, owner: String? = nil, client: String = "", tenant: Int? = nil, in delay: Duration = .zero
    ) {
        var job = Job(
            number: accepted + 1, function: function, owner: owner, client: client, tenant: tenant,
            due: now.steady + delay,
            lane: 0)
        guard let keys = self.keys(of: job) else { return }
        accepted += 1
        job.lane = keys.lane
        if delay <= .zero, let reservation = state.reserveForAccept(function, keys, at: now) {
            let id = state.resolve(door: reservation, function, keys, isAccepted: true, under: number, at: now)
            if let id { begin(id, job) }
            return
        }
        insert(job)
        state.hint(function, lane: keys.lane, keys: keys, due: job.due, at: now)
    }

    mutating func begin(_ id: AttemptID, _ job: Job) {
        starts.append(job)
        running.append(Running(id: id, job: job))
    }

    /// False when nothing was planned.
    @discardableResult mutating func plan(besidesEnds: Bool = false) -> Bool {
        guard let planned = state.plan(at: now, besidesEnds: besidesEnds) else { return false }
        claims.append(Claim(planned: planned, number: number))
        return true
    }

    /// The store answers a claim.
    mutating func answer(_ index: Int = 0) {
        let claim = claims.remove(at: index)
        var answers: [LaneAnswer] = []
        var taken: [[Job]] = []
        for ask in claim.planned.lanes {
            var lane = queued[ask.function]?[ask.lane] ?? []
            let due = Array(lane.prefix { $0.due <= now.steady }.prefix(ask.limit))
            lane.removeFirst(due.count)
            queued[ask.function, default: [:]][ask.lane] = lane.isEmpty ? nil : lane
            taken.append(due)
            let keys = due.map { self.keys(of: $0) ?? JobKeys(lane: $0.lane) }
            answers.append(LaneAnswer(jobs: keys, nextDue: lane.first?.due))
        }
        let starts = state.resolve(claim.planned.reservation, .answered(answers), under: number, at: now)
        for (jobs, starts) in zip(taken, starts) {
            for (job, start) in zip(jobs, starts) {
                switch start {
                case .attempt(let id): begin(id, job)
                case .giveBack: giveBack(job)
                }
            }
        }
    }

    private mutating func giveBack(_ job: Job) {
        var job = job
        let keys = self.keys(of: job)
        job.lane = keys?.lane ?? job.lane
        insert(job)
        state.hint(job.function, lane: job.lane, keys: keys, due: job.due, at: now)
    }

    mutating func fail(_ index: Int, isStoreWide: Bool) {
        let claim = claims.remove(at: index)
        _ = state.resolve(claim.planned.reservation, .failed(isStoreWide: isStoreWide), under: number, at: now)
    }

    /// First jobs are read, jobs of stale lanes moved.
    mutating func read(_ limit: Int = 256, moving width: Int = 500) {
        for token in state.takeUnread(limit) {
            let lane = queued[token.function]?[token.key] ?? []
            let head: LaneHead
            if let first = lane.first {
                head = first.due > now.steady ? .later(first.due) : .job(keys(of: first) ?? JobKeys(lane: first.lane))
            } else {
                head = .empty
            }
            state.read(token, head, under: number, at: now)
        }
        for token in state.takeStale(limit) {
            let lane = queued[token.function]?[token.key] ?? []
            queued[token.function]?[token.key] = Array(lane.dropFirst(width))
            for job in lane.prefix(width) { giveBack(job) }
            let left = queued[token.function]?[token.key] ?? []
            if left.isEmpty { queued[token.function]?[token.key] = nil }
            state.moved(token, isEmpty: left.isEmpty, at: now)
        }
    }

    mutating func end(_ index: Int = 0, _ reply: TargetReply = .unknown) {
        let attempt = running.remove(at: index)
        _ = state.ended(attempt.id, reply, at: now)
        ended.append(attempt)
    }

    mutating func record(_ index: Int = 0) {
        let attempt = ended.remove(at: index)
        recorded += 1
        state.recorded(attempt.id, at: now)
    }

    mutating func reload(_ next: Deployment) {
        number += 1
        let former = deployment
        deployment = next
        var affected = state.adopt(DispatchRules(next), number: number, at: now)
        affected += state.takeStaleAttempts()
        rekey(affected)
        for name in next.functions.map(\.name) where former.policy(of: name)?.declared == nil { scan(name) }
    }

    mutating func rekey(_ ids: [AttemptID]) {
        let jobs = Dictionary((running + ended).map { ($0.id, $0.job) }) { $1 }
        let keys = ids.compactMap { id in jobs[id].flatMap { self.keys(of: $0) }.map { (id, $0) } }
        _ = state.rekey(keys, under: number, at: now)
    }

    /// As after a restart: the lanes are known, the keys are not.
    mutating func scan(_ name: String) {
        for (lane, jobs) in queued[name] ?? [:] {
            if let first = jobs.first { state.hint(name, lane: lane, due: first.due, at: now) }
        }
        state.scanned(name)
    }

    mutating func pass(_ duration: Duration) {
        now = Moment(wall: now.wall + duration, monotonic: now.monotonic + duration.milliseconds)
    }

    /// Plans, answers and reads until nothing more can start.
    mutating func settle() {
        var rounds = 0
        while rounds < 100_000 {
            rounds += 1
            read()
            let hasPlanned = plan()
            while !claims.isEmpty { answer() }
            if !hasPlanned, !state.needsPlan, !state.needsReading { return }
        }
    }
}
