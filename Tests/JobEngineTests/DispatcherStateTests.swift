import JobModel
import JobStore
import JobStoreContract
import Testing

@testable import JobEngine

@Suite struct DispatcherStateTests {
    private let now = Sample.moment()

    private func deployment(_ names: [String], concurrency: Int) -> Deployment {
        Deployment(
            revision: "r", functions: names.map { EngineFixture.function($0) }, concurrency: concurrency)
    }

    private func attempt(_ function: String, _ row: Int64, lane: Int64 = 0) -> RunningAttempt {
        var job = Sample.job(function).job
        job.id = JobID(row: row, random: 1)
        return RunningAttempt(
            live: LiveJob(job: job, progress: JobProgress(), lane: lane, due: now.wall, deadline: now.wall),
            function: EngineFixture.function(function),
            revision: "r", lease: Lease(token: row), startedAt: Sample.moment())
    }

    @Test func `Nothing is asked for without a hint, a free slot, or while draining`() {
        var state = DispatcherState()
        let deployment = deployment(["f"], concurrency: 1)
        #expect(state.plan(deployment, paused: [], at: now).isEmpty)
        state.hint("f", lane: 0, due: now.wall + .milliseconds(1))
        #expect(state.plan(deployment, paused: [], at: now).isEmpty)
        #expect(state.nextDue(deployment, paused: []) == now.wall + .milliseconds(1))
        state.hint("f", lane: 0, due: now.wall)
        #expect(state.plan(deployment, paused: [], at: now) == [ClaimAsk(function: "f", limit: 1)])
        // The slot is promised to the claim under way.
        state.hint("f", lane: 0, due: now.wall)
        #expect(state.plan(deployment, paused: [], at: now).isEmpty)
        _ = state.answered([ClaimAsk(function: "f", limit: 1)], [], [], at: now)
        state.draining = true
        #expect(state.plan(deployment, paused: [], at: now).isEmpty)
    }

    @Test func `Slots are shared evenly between functions that have due jobs`() {
        var state = DispatcherState()
        for name in ["a", "b", "c"] { state.hint(name, lane: 0, due: now.wall) }
        let asks = state.plan(deployment(["a", "b", "c"], concurrency: 10), paused: [], at: now)
        #expect(asks.map(\.limit).sorted() == [3, 3, 4])
    }

    @Test func `The next slot goes to the function that runs the fewest`() {
        var state = DispatcherState()
        for row in 0..<9 { state.started(attempt("hot", Int64(row))) }
        state.hint("hot", lane: 0, due: now.wall)
        state.hint("cold", lane: 0, due: now.wall)
        let asks = state.plan(deployment(["hot", "cold"], concurrency: 12), paused: [], at: now)
        #expect(asks == [ClaimAsk(function: "cold", limit: 3)])
    }

    @Test func `With one slot, equals take turns`() {
        var state = DispatcherState()
        let deployment = deployment(["a", "b", "c"], concurrency: 1)
        var order: [String] = []
        for row in 0..<9 {
            for name in ["a", "b", "c"] { state.hint(name, lane: 0, due: now.wall) }
            let asks = state.plan(deployment, paused: [], at: now)
            #expect(asks.count == 1)
            let attempt = attempt(asks[0].function, Int64(row))
            _ = state.answered(asks, [], [], at: now)
            state.started(attempt)
            order.append(asks[0].function)
            state.end(attempt)
        }
        for start in stride(from: 0, to: 9, by: 3) { #expect(Set(order[start..<start + 3]).count == 3) }
    }

    @Test func `Within a function the next slot goes to the account that runs the fewest`() {
        var state = DispatcherState()
        for row in 0..<6 { state.started(attempt("f", Int64(row), lane: 1)) }
        for lane: Int64 in 1...3 { state.hint("f", lane: lane, due: now.wall) }
        let asks = state.plan(deployment(["f"], concurrency: 14), paused: [], at: now)
        #expect(asks.map(\.limit).reduce(0, +) == 8)
        #expect(asks.first { $0.lane == 1 } == nil)
        #expect(asks.filter { $0.lane != 1 }.map(\.limit) == [4, 4])
    }

    @Test func `A function at its limit leaves its share to others at once`() {
        var state = DispatcherState()
        let bounded = EngineFixture.function("bounded") { $0.limits.concurrency = [ConcurrencyLimit(limit: 1)] }
        let deployment = Deployment(
            revision: "r", functions: [bounded, EngineFixture.function("free")], concurrency: 4)
        let keys = JobKeys(lane: 0, concurrency: [77])
        // The bounded one runs its one attempt, the others of the server are busy with "free".
        state.hint("bounded", lane: 0, due: now.wall)
        let asks = state.plan(deployment, paused: [], at: now)
        let live = LiveJob(job: Sample.job("bounded").job, progress: JobProgress(), due: now.wall, deadline: now.wall)
        let (start, giveBack) = state.answered(
            asks, [ClaimAnswer(function: "bounded", lane: 0, jobs: [live], nextDue: now.wall)],
            [DispatcherState.Claimed(live: live, function: bounded, keys: keys)], at: now)
        #expect(start.count == 1)
        #expect(giveBack.isEmpty)
        state.started(
            RunningAttempt(
                live: live, function: bounded, revision: "r", lease: Lease(token: 1), startedAt: now, keys: keys))
        for row: Int64 in 1...2 { state.started(attempt("free", row)) }
        state.hint("free", lane: 0, due: now.wall)
        #expect(state.plan(deployment, paused: [], at: now) == [ClaimAsk(function: "free", lane: 0, limit: 1)])
        #expect(state.obstacles(for: keys, of: bounded.limits, at: now) == [.concurrency(key: 77)])
    }

    @Test func `A lane that only planned starts keep out stays ready`() {
        var state = DispatcherState()
        let bounded = EngineFixture.function("f") { $0.limits.concurrency = [ConcurrencyLimit(limit: 1)] }
        let deployment = Deployment(revision: "r", functions: [bounded], concurrency: 10)
        func claimed(_ lane: Int64, _ row: Int64) -> DispatcherState.Claimed {
            var job = Sample.job("f").job
            job.id = JobID(row: row, random: 1)
            let live = LiveJob(job: job, progress: JobProgress(), lane: lane, due: now.wall, deadline: now.wall)
            return .init(live: live, function: bounded, keys: JobKeys(lane: lane, concurrency: [7]))
        }
        // Both lanes are known; one attempt runs and ends.
        for lane: Int64 in 1...2 { state.hint("f", lane: lane, due: now.wall) }
        var asks = state.plan(deployment, paused: [], at: now)
        let first = claimed(1, 1)
        let (start, back) = state.answered(asks, [], [first, claimed(2, 2)], at: now)
        #expect(start.count == 1 && back.count == 1)
        let attempt = RunningAttempt(
            live: first.live, function: bounded, revision: "r", lease: Lease(token: 1), startedAt: now, keys: first.keys
        )
        state.started(attempt)
        state.hint("f", lane: 1, due: now.wall)
        #expect(state.plan(deployment, paused: [], at: now).isEmpty)
        state.end(attempt)
        // One of the two gets the place; its claim finds nothing, and the other must still get its turn.
        var served: Set<Int64> = []
        for _ in 0..<2 {
            asks = state.plan(deployment, paused: [], at: now)
            #expect(asks.count == 1)
            for ask in asks { served.insert(ask.lane) }
            _ = state.answered(
                asks, asks.map { ClaimAnswer(function: "f", lane: $0.lane, jobs: [], nextDue: nil) }, [], at: now)
        }
        #expect(served == [1, 2])
    }

    @Test func `The room that a claim under way may use is promised to no other`() {
        var state = DispatcherState()
        let bounded = EngineFixture.function("f") { $0.limits.concurrency = [ConcurrencyLimit(limit: 2)] }
        let deployment = Deployment(revision: "r", functions: [bounded], concurrency: 10)
        let jobs = (1...2 as ClosedRange<Int64>).map { lane in
            var job = Sample.job("f").job
            job.id = JobID(row: lane, random: 1)
            let live = LiveJob(job: job, progress: JobProgress(), lane: lane, due: now.wall, deadline: now.wall)
            return DispatcherState.Claimed(
                live: live, function: bounded, keys: JobKeys(lane: lane, concurrency: [7]))
        }
        func plan() -> [ClaimAsk] {
            for lane: Int64 in 1...2 { state.hint("f", lane: lane, due: now.wall) }
            return state.plan(deployment, paused: [], at: now)
        }
        func answer(_ asks: [ClaimAsk], _ jobs: [DispatcherState.Claimed]) -> (start: Int, giveBack: Int) {
            let answers = asks.map {
                ClaimAnswer(function: "f", lane: $0.lane, jobs: [], nextDue: now.wall + .seconds(1))
            }
            let (start, giveBack) = state.answered(asks, answers, jobs, at: now)
            return (start.count, giveBack.count)
        }
        #expect(answer(plan(), jobs) == (2, 0))
        let attempts = jobs.map { job in
            RunningAttempt(
                live: job.live, function: bounded, revision: "r", lease: Lease(token: 1), startedAt: now,
                keys: job.keys)
        }
        for attempt in attempts { state.started(attempt) }
        #expect(plan().isEmpty)
        state.end(attempts[0])
        let first = plan()
        #expect(first.map(\.limit) == [1])
        // Both lanes have due jobs, that of the claim included, and its place is all there is.
        #expect(plan().isEmpty)
        #expect(answer(first, []) == (0, 0))
        let second = plan()
        #expect(second.map(\.limit) == [1])
        #expect(answer(second, [jobs[0]]) == (1, 0))
    }

    @Test func `A job claimed again before its former attempt is noted as ended leaks nothing`() {
        var state = DispatcherState()
        let bounded = EngineFixture.function("f") { $0.limits.concurrency = [ConcurrencyLimit(limit: 2)] }
        let keys = JobKeys(concurrency: [7])
        let live = LiveJob(job: Sample.job("f").job, progress: JobProgress(), due: now.wall, deadline: now.wall)
        let claimed = DispatcherState.Claimed(live: live, function: bounded, keys: keys)
        func attempt(_ lease: Int64) -> RunningAttempt {
            RunningAttempt(
                live: live, function: bounded, revision: "r", lease: Lease(token: lease), startedAt: now, keys: keys)
        }
        let (first, second) = (attempt(1), attempt(2))
        for attempt in [first, second] {
            _ = state.answered([], [], [claimed], at: now)
            state.started(attempt)
        }
        #expect(state.obstacles(for: keys, of: bounded.limits, at: now) == [.concurrency(key: 7)])
        state.end(first)
        #expect(state.running[live.job.id] === second)
        state.end(second)
        #expect(state.running.isEmpty)
        #expect(state.obstacles(for: keys, of: bounded.limits, at: now).isEmpty)
    }

    @Test func `A paused function is not asked for`() {
        var state = DispatcherState()
        state.hint("f", lane: 0, due: now.wall)
        let deployment = deployment(["f"], concurrency: 1)
        #expect(state.plan(deployment, paused: ["f"], at: now).isEmpty)
        #expect(state.nextDue(deployment, paused: ["f"]) == nil)
        #expect(state.plan(deployment, paused: [], at: now).count == 1)
    }

    @Test func `A failed claim frees its slots and is asked again`() {
        var state = DispatcherState()
        let deployment = deployment(["a"], concurrency: 4)
        state.hint("a", lane: 0, due: now.wall)
        let asks = state.plan(deployment, paused: [], at: now)
        state.failed(asks, at: now.wall)
        #expect(state.plan(deployment, paused: [], at: now) == asks)
    }

    @Test func `However slots come and go, no more are given than there are`() {
        var state = DispatcherState()
        var generator = SystemRandomNumberGenerator()
        let names = ["a", "b", "c", "d"]
        let deployment = deployment(names, concurrency: 7)
        var running: [RunningAttempt] = []
        var unwritten: [RunningAttempt] = []
        var row: Int64 = 0
        for _ in 0..<2000 {
            for name in names where Bool.random(using: &generator) { state.hint(name, lane: 0, due: now.wall) }
            let asks = state.plan(deployment, paused: [], at: now)
            #expect(running.count + asks.reduce(0) { $0 + $1.limit } <= 7)
            _ = state.answered(asks, [], [], at: now)
            for ask in asks {
                for _ in 0..<Int.random(in: 0...ask.limit, using: &generator) {
                    row += 1
                    let started = attempt(ask.function, row)
                    state.started(started)
                    running.append(started)
                }
            }
            running.shuffle(using: &generator)
            // Whose end is not written yet holds no slot.
            for _ in 0..<Int.random(in: 0...running.count, using: &generator) {
                let last = running.removeLast()
                state.ended(last)
                unwritten.append(last)
            }
            for _ in 0..<Int.random(in: 0...unwritten.count, using: &generator) {
                state.recorded(unwritten.removeFirst())
            }
        }
    }

    @Test func `Nothing starts while as many ends as there are slots cannot be written`() {
        var state = DispatcherState()
        let deployment = deployment(["f"], concurrency: 5)
        var ended: [RunningAttempt] = []
        for row: Int64 in 1...10 {
            state.hint("f", lane: 0, due: now.wall)
            let asks = state.plan(deployment, paused: [], at: now)
            #expect(asks.count == 1, "\(row)")
            _ = state.answered(asks, [], [], at: now)
            let attempt = attempt("f", row)
            state.started(attempt)
            state.ended(attempt)
            ended.append(attempt)
        }
        state.hint("f", lane: 0, due: now.wall)
        #expect(state.plan(deployment, paused: [], at: now).isEmpty)
        state.recorded(ended[0])
        #expect(state.plan(deployment, paused: [], at: now) == [ClaimAsk(function: "f", lane: 0, limit: 1)])
    }

    @Test func `What an operator bounds is bounded until an end is written, a slot and a target are free at once`() {
        var state = DispatcherState()
        let bounded = EngineFixture.function("f") { $0.limits.concurrency = [ConcurrencyLimit(limit: 1)] }
        let deployment = Deployment(revision: "r", functions: [bounded], concurrency: 1)
        let live = LiveJob(job: Sample.job("f").job, progress: JobProgress(), due: now.wall, deadline: now.wall)
        let keys = JobKeys(concurrency: [7], account: 8, target: 9)
        let attempt = RunningAttempt(
            live: live, function: bounded, revision: "r", lease: Lease(token: 1), startedAt: now, keys: keys)
        _ = state.answered(
            [], [], [DispatcherState.Claimed(live: live, function: bounded, keys: keys)], at: now)
        state.started(attempt)
        state.ended(attempt)
        #expect(state.obstacles(for: keys, of: bounded.limits, at: now) == [.concurrency(key: 7)])
        state.hint("f", lane: 5, due: now.wall)
        #expect(state.plan(deployment, paused: [], at: now) == [ClaimAsk(function: "f", lane: 5, limit: 1)])
        state.recorded(attempt)
        #expect(state.obstacles(for: keys, of: bounded.limits, at: now).isEmpty)
    }
}

@Suite struct AnnouncerTests {
    private let id = JobID(row: 1, random: 1)

    @Test func `Everybody who waits for a job is woken once, others are not`() async {
        let announcer = Announcer()
        let waiters = (0..<3).map { _ in announcer.subscribe(to: id) }
        let other = announcer.subscribe(to: JobID(row: 2, random: 1))
        #expect(announcer.waiterCount == 4)
        announcer.announce([id])
        for waiter in waiters { #expect(await waiter.value() == .changed) }
        #expect(other.current == nil)
        #expect(announcer.waiterCount == 1)
    }

    @Test func `Whoever does not wait any more leaves nothing behind`() {
        let announcer = Announcer()
        let waiter = announcer.subscribe(to: id)
        announcer.unsubscribe(waiter, from: id)
        announcer.unsubscribe(waiter, from: id)
        #expect(announcer.waiterCount == 0)
        announcer.announce([id])
        #expect(waiter.current == nil)
    }

    @Test func `Draining wakes all and lets nobody wait again`() async {
        let announcer = Announcer()
        let waiter = announcer.subscribe(to: id)
        announcer.drain()
        #expect(await waiter.value() == .draining)
        #expect(await announcer.subscribe(to: id).value() == .draining)
        #expect(announcer.waiterCount == 0)
    }

    @Test func `A cancelled waiter gets nothing`() async {
        let shot = OneShot<Int>()
        let task = Task { await shot.value() }
        task.cancel()
        #expect(await task.value == nil)
        #expect(!shot.set(1))
    }
}

extension DispatcherState {
    /// It ends and that is written.
    fileprivate mutating func end(_ attempt: RunningAttempt) {
        ended(attempt)
        recorded(attempt)
    }
}
