import JobModel
import JobStore
import JobStoreContract
import Testing

@testable import JobEngine

/// A store and a dispatcher in small, with several claims under way at a time and their answers in any order.
private struct ClaimSimulation {
    private struct Mixer: RandomNumberGenerator {
        var state: UInt64

        // SplitMix64 (Steele, Lea, Flood 2014).
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    static let slots = 6
    static let lanes: ClosedRange<Int64> = 1...4
    /// `free` has no limit; of `bound` two lanes share a key, and each key lets two run.
    static let functions = [
        EngineFixture.function("free"),
        EngineFixture.function("bound") { $0.limits.concurrency = [ConcurrencyLimit(limit: 2)] },
    ]
    static let deployment = Deployment(revision: "r", functions: functions, concurrency: slots)

    struct Place: Hashable {
        var function: String
        var lane: Int64
    }

    private let now = Sample.moment()
    private var random: Mixer
    var state = DispatcherState()
    /// Rows of jobs that are queued.
    private(set) var queued: [Place: [Int64]] = [:]
    /// Asked for, and not read from the store yet.
    private var asked: [[ClaimAsk]] = []
    /// Read from the store, and not told yet.
    private var answers: [(asks: [ClaimAsk], rows: [[Int64]], isMore: [Bool])] = []
    private(set) var running: [RunningAttempt] = []
    private(set) var givenBack = 0
    private(set) var ended = 0
    private var row: Int64 = 0

    init(seed: UInt64) { random = Mixer(state: seed) }

    var isQuiet: Bool { asked.isEmpty && answers.isEmpty && running.isEmpty }
    var waiting: Int { queued.values.reduce(0) { $0 + $1.count } }

    /// Jobs of the limit's key that run.
    func count(ofKey key: Int64) -> Int { running.filter { $0.keys.concurrency == [key] }.count }

    mutating func accept() {
        row += 1
        let place = Place(
            function: Bool.random(using: &random) ? "free" : "bound", lane: Int64.random(in: Self.lanes, using: &random)
        )
        queued[place, default: []].append(row)
        state.hint(place.function, lane: place.lane, due: now.wall)
    }

    mutating func plan() {
        let asks = state.plan(Self.deployment, paused: [], at: now)
        if !asks.isEmpty { asked.append(asks) }
    }

    /// The store reads claims in the order in which they come.
    mutating func read() {
        guard !asked.isEmpty else { return }
        let asks = asked.removeFirst()
        var rows: [[Int64]] = []
        var isMore: [Bool] = []
        for ask in asks {
            let place = Place(function: ask.function, lane: ask.lane)
            let all = queued[place] ?? []
            rows.append(Array(all.prefix(ask.limit)))
            queued[place] = Array(all.dropFirst(ask.limit))
            isMore.append(all.count > ask.limit)
        }
        answers.append((asks, rows, isMore))
    }

    /// One of the answers arrives, or its claim fails.
    mutating func answer() {
        guard let index = answers.indices.randomElement(using: &random) else { return }
        let (asks, rows, isMore) = answers.remove(at: index)
        if Int.random(in: 0..<10, using: &random) == 0 {
            for (ask, rows) in zip(asks, rows) {
                queued[Place(function: ask.function, lane: ask.lane), default: []].insert(contentsOf: rows, at: 0)
            }
            return state.failed(asks, at: now.wall)
        }
        var claimed: [DispatcherState.Claimed] = []
        for (ask, rows) in zip(asks, rows) { claimed += rows.map { self.claimed($0, ask) } }
        let (start, back) = state.answered(
            asks,
            zip(asks, zip(claims(asks, rows), isMore)).map { ask, answer in
                ClaimAnswer(
                    function: ask.function, lane: ask.lane, jobs: answer.0, nextDue: answer.1 ? now.wall : nil)
            }, claimed, at: now)
        for job in start {
            let attempt = RunningAttempt(
                live: job.live, function: job.function, revision: "r", lease: Lease(token: job.live.job.id.row),
                startedAt: now, keys: job.keys)
            state.started(attempt)
            running.append(attempt)
        }
        givenBack += back.count
        for job in back {
            queued[Place(function: job.function.name, lane: job.live.lane), default: []].insert(
                job.live.job.id.row, at: 0)
            state.hint(job.function.name, lane: job.live.lane, due: now.wall)
        }
    }

    private func claims(_ asks: [ClaimAsk], _ rows: [[Int64]]) -> [[LiveJob]] {
        zip(asks, rows).map { ask, rows in rows.map { claimed($0, ask).live } }
    }

    private func claimed(_ row: Int64, _ ask: ClaimAsk) -> DispatcherState.Claimed {
        var job = Sample.job(ask.function).job
        job.id = JobID(row: row, random: 1)
        let isBound = ask.function == "bound"
        return DispatcherState.Claimed(
            live: LiveJob(job: job, progress: JobProgress(), lane: ask.lane, due: now.wall, deadline: now.wall),
            function: Self.functions[isBound ? 1 : 0],
            keys: JobKeys(lane: ask.lane, concurrency: isBound ? [100 + ask.lane % 2] : []))
    }

    mutating func end() {
        guard let index = running.indices.randomElement(using: &random) else { return }
        let attempt = running.remove(at: index)
        state.ended(attempt)
        state.recorded(attempt)
        ended += 1
    }

    mutating func step(accepting: Bool) {
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: if accepting { accept() }
        case 2: read()
        case 3: answer()
        case 4: end()
        default: plan()
        }
    }
}

@Suite struct ClaimSimulationTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `With claims under way side by side limits hold, and every job ends`(_ seed: UInt64) {
        var simulation = ClaimSimulation(seed: seed)
        var accepted = 0
        for number in 0..<3000 {
            simulation.step(accepting: number < 1500)
            #expect(simulation.running.count <= ClaimSimulation.slots)
            for key: Int64 in 100...101 { #expect(simulation.count(ofKey: key) <= 2) }
        }
        accepted = simulation.waiting + simulation.running.count
        // No new hints: what is queued is found by those that there were.
        for _ in 0..<20_000 where simulation.waiting > 0 || !simulation.isQuiet { simulation.step(accepting: false) }
        #expect(simulation.waiting == 0 && simulation.isQuiet, "\(simulation.waiting) of \(accepted) are left")
        // Nothing is promised any more: all slots are there, and every key has its room.
        #expect(simulation.state.promised.isEmpty)
        simulation.state.hint("free", lane: 1, due: Sample.moment().wall)
        let asks = simulation.state.plan(ClaimSimulation.deployment, paused: [], at: Sample.moment())
        #expect(asks == [ClaimAsk(function: "free", lane: 1, limit: ClaimSimulation.slots)])
    }
}
