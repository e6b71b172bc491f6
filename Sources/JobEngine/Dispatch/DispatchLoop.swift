internal import Dispatching
internal import JobModel
internal import JobStore
internal import Logging
package import ServiceLifecycle
internal import Timing

/// Claims what may start, runs it, and sleeps until something changes.
package final class DispatchLoop: Service {
    /// Without any hint the store is asked this often, in milliseconds: a lost hint costs so much time, never a job.
    private static let auditInterval: Int64 = 5000
    /// Longest sleep, in milliseconds: `sinceTick` tells from it whether the loop is alive.
    private static let longestSleep: Int64 = 1000
    /// After the grace time, what is given back is written within this time or not at all.
    private static let releaseMilliseconds: Int64 = 5000

    private let store: any JobStore
    private let dispatcher: Dispatcher
    private let runner: AttemptRunner
    private let completions: CompletionWriter
    private let reader: LaneReader
    private let scan: LaneScan
    private let recorder: Recorder
    private let announcer: Announcer
    private let logger: Logger

    private var clock: any EngineClock { dispatcher.clock }

    init(
        store: any JobStore & LaneStore, dispatcher: Dispatcher, runner: AttemptRunner, completions: CompletionWriter,
        announcer: Announcer, logger: Logger
    ) {
        self.store = store
        self.dispatcher = dispatcher
        self.runner = runner
        self.completions = completions
        recorder = runner.recorder
        reader = LaneReader(store: store, dispatcher: dispatcher, logger: logger)
        scan = LaneScan(store: store, dispatcher: dispatcher, logger: logger)
        self.announcer = announcer
        self.logger = logger
    }

    /// Until shutdown; then no new attempts, the running ones get the grace time, the rest go back to the queue.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                await scan.scanFirstPages(dispatcher.look { $0.core.unscanned })
                dispatcher.change { $0.isUp = true }
                var nextAudit = clock.now().monotonic + Self.auditInterval
                while !Task.isCancelled, !dispatcher.isDraining {
                    await turn(&group)
                    let now = clock.now().monotonic
                    if now >= nextAudit {
                        nextAudit = now + Self.auditInterval
                        group.addTask { await self.scan.audit() }
                    }
                    await sleep(until: nextAudit)
                }
                await drain(&group)
                dispatcher.change { $0.isUp = false }
            }
        } onGracefulShutdown: {
            self.dispatcher.beginDraining()
            self.recorder.beginDraining()
        }
    }

    /// Starts what was handed over, reads what is unknown, claims what may start.
    private func turn(_ group: inout DiscardingTaskGroup) async {
        let now = clock.now().monotonic
        let (unscanned, reads) = dispatcher.change { state in
            state.isCalled = false
            state.lastTick = now
            if now >= state.claimsFrom { state.isPausing = false }
            let reads = state.core.needsReading && !state.isReading
            if reads { state.isReading = true }
            return (state.core.unscanned, reads)
        }
        startHanded(&group)
        for name in scan.begin(unscanned) { group.addTask { await self.scan.scan(name) } }
        if reads { group.addTask { await self.reader.run() } }
        if let claim = dispatcher.plan(besidesEnds: false) { await make(claim, &group) }
    }

    private func make(_ claim: Dispatcher.Claim, _ group: inout DiscardingTaskGroup) async {
        do {
            let answers = try await store.claim(claim.batch)
            let back = dispatcher.resolve(claim, answers)
            if !back.isEmpty { group.addTask { await self.dispatcher.giveBack(back, by: self.recorder) } }
        } catch {
            dispatcher.failed(claim, error, besidesEnds: false)
            logger.error("Cannot claim jobs, trying again", metadata: ["error": "\(error)"])
        }
    }

    private func startHanded(_ group: inout DiscardingTaskGroup) {
        let attempts = dispatcher.change { state in
            defer { state.handed = [] }
            return state.handed
        }
        guard !attempts.isEmpty else { return }
        announcer.announce(attempts.lazy.map(\.live.job.id))
        for attempt in attempts {
            runner.counters.move(attempt.live.job, from: .queued, to: .running)
            runner.metrics.update(attempt.function.name) { $0.started += 1 }
            group.addTask { await self.run(attempt) }
        }
    }

    private func run(_ attempt: RunningAttempt) async {
        let (completion, reply) = await runner.run(attempt)
        let isWriter = completions.add(completion)
        // After it was handed over: what is claimed for its slot comes into the same commit, or a later one.
        attempt.log(dispatcher.ended(attempt, reply), to: logger)
        if isWriter { await completions.write(for: dispatcher) }
    }

    /// Until somebody calls, something is due, or the given time.
    private func sleep(until limit: Int64) async {
        let sleeper = OneShot<Void>()
        let now = clock.now()
        let until: Int64? = dispatcher.change { state in
            // Claims pause after a failure of the store.
            let pause = state.claimsFrom > now.monotonic ? state.claimsFrom : nil
            guard !state.needsLoop, pause != nil || !(state.isCalled || dispatcher.needsLoop(state)) else { return nil }
            let next = state.core.nextTimes()
            state.sleepsFor = next
            state.sleeper = sleeper
            if let pause { return min(pause, limit) }
            let due = next.due.map { now.monotonic + max(1, ($0 - now.steady).milliseconds) } ?? .max
            let alarm = next.alarm.map { max(now.monotonic + 1, $0 / 1_000_000 + 1) } ?? .max
            return min(due, alarm, limit, now.monotonic + Self.longestSleep)
        }
        guard let until else { return }
        _ = await sleeper.value(untilMonotonic: until, clock: clock)
        dispatcher.change { $0.sleeper = nil }
    }

    /// Waits for the running attempts, at most the grace time, and gives back the rest.
    private func drain(_ group: inout DiscardingTaskGroup) async {
        // Whatever is still to be written at the end is written once more, or left to the restart.
        defer { recorder.giveUp() }
        startHanded(&group)
        let count = dispatcher.held.count
        let grace = dispatcher.deployment.value.shutdownGrace
        if count > 0 {
            logger.info(
                "Waiting for running attempts", metadata: ["running": "\(count)", "grace": "\(grace.written)"])
        }
        if await isIdle(within: grace.milliseconds, &group) { return }
        let left = dispatcher.held
        logger.info("Giving back attempts that are still running", metadata: ["running": "\(left.count)"])
        for attempt in left { attempt.stop(.release) }
        _ = await isIdle(within: Self.releaseMilliseconds, &group)
    }

    private func isIdle(within milliseconds: Int64, _ group: inout DiscardingTaskGroup) async -> Bool {
        let limit = clock.now().monotonic + milliseconds
        while true {
            startHanded(&group)
            let sleeper = OneShot<Void>()
            let isIdle = dispatcher.change { state in
                state.isCalled = false
                state.sleeper = sleeper
                return state.isIdle
            }
            // A cancelled task does not sleep: it would go round and round.
            if isIdle || Task.isCancelled || clock.now().monotonic >= limit { return isIdle }
            _ = await sleeper.value(untilMonotonic: limit, clock: clock)
        }
    }
}
