internal import JobModel
internal import JobStore
internal import Logging
internal import ServiceLifecycle
private import Synchronization

/// Starts due jobs while there are free slots, and sees every attempt to its end.
package final class Dispatcher: Service {
    /// Without any hint the store is asked this often: a lost hint costs so much latency, never a job.
    private static let pollMilliseconds: Int64 = 5000
    /// Longest sleep: the wall clock may jump.
    private static let napMilliseconds: Int64 = 1000

    /// After the grace time, what is given back is written within this time or not at all.
    private static let releaseMilliseconds: Int64 = 5000

    private struct State {
        var core = DispatcherState()
        var paused: Set<String> = []
        var nap: OneShot<Void>?
        /// Something came while nobody napped.
        var awake = true
        /// It naps without knowing what is due next: no slot was free when it lay down.
        var napsBlind = false
        /// Milliseconds of the monotonic clock: until then claims go by themselves, for one that went along has failed.
        var claimsAlongFrom: Int64 = 0
        var idle: OneShot<Void>?
        var lastTick: Int64 = 0
        /// Attempts of jobs that were accepted with their lease, until the loop takes them up.
        var handed: [RunningAttempt] = []
        /// Whether the loop goes round and takes up what is handed to it.
        var isUp = false
    }

    private let state = Mutex(State())
    private let store: any JobStore
    private let deployment: CurrentDeployment
    private let handlers: @Sendable (Function, Deployment) -> any Handler
    private let lanes: LanePoll
    private let recorder: Recorder
    private let ends: EndWriter
    private let announcer: Announcer
    private let gauges: FunctionGauges
    private let metrics: EngineMetrics
    private let clock: any EngineClock
    private let logger: Logger

    init(
        store: any JobStore, deployment: CurrentDeployment,
        handlers: @escaping @Sendable (Function, Deployment) -> any Handler,
        recorder: Recorder, announcer: Announcer, gauges: FunctionGauges, metrics: EngineMetrics,
        clock: any EngineClock, logger: Logger
    ) {
        self.store = store
        self.deployment = deployment
        self.handlers = handlers
        lanes = LanePoll(store: store, logger: logger)
        self.recorder = recorder
        ends = EndWriter(store: store, recorder: recorder)
        self.announcer = announcer
        self.gauges = gauges
        self.metrics = metrics
        self.clock = clock
        self.logger = logger
    }

    /// Until shutdown; then no new attempts, the running ones get the grace time, the rest go back to the queue.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                state.withLock { $0.isUp = true }
                var nextPoll = clock.now().monotonic
                while !Task.isCancelled, !isDraining {
                    startHanded(&group)
                    let now = clock.now()
                    await lanes.pollReturned(hint)
                    if now.monotonic >= nextPoll {
                        let isComplete = await lanes.poll(deployment.value.functions.keys, hint)
                        nextPoll = now.monotonic + (isComplete ? Self.pollMilliseconds : 0)
                    }
                    if await !startDue(&group, at: now) { await nap(now) }
                }
                state.withLock { $0.isUp = false }
                startHanded(&group)
                await drain()
            }
        } onGracefulShutdown: {
            self.beginDraining()
        }
    }

    /// A job of the function's lane will be due then.
    func hint(_ function: String, lane: Int64, due: Timestamp) {
        let nap = state.withLock { state in
            state.core.hint(function, lane: lane, due: due)
            return Self.wake(&state)
        }
        nap?.set(())
    }

    /// A slot for a job that is being accepted; nil when it has to queue. Who gets one calls `begin` or `giveSlotBack`.
    func slot(
        for job: NewJob, of function: Function, keys: JobKeys, _ deployment: Deployment, at now: Moment
    ) -> NewJob.Start? {
        guard job.due <= now.wall else { return nil }
        let isAdmitted = state.withLock { state in
            state.isUp && state.core.admit(function, keys, deployment, paused: state.paused, at: now)
        }
        guard isAdmitted else { return nil }
        return NewJob.Start(terms: LeaseTerms(duration: Limits.lease, revision: deployment.revision), at: now)
    }

    /// The job was not accepted, or was accepted before.
    func giveSlotBack(of function: Function, keys: JobKeys) {
        let nap = state.withLock { state in
            state.core.giveBackAdmission(function, keys)
            return Self.wake(&state)
        }
        nap?.set(())
    }

    /// The job was accepted and holds its lease: it starts now.
    func begin(_ live: LiveJob, of function: Function, revision: String, lease: Lease, keys: JobKeys) async {
        let attempt = RunningAttempt(
            live: live, function: function, revision: revision, lease: lease, startedAt: clock.now(), keys: keys)
        state.withLock { $0.core.began(attempt) }
        await handOver([attempt])
    }

    /// Attempts that hold a slot and a lease, to the loop that starts them.
    private func handOver(_ attempts: [RunningAttempt]) async {
        guard !attempts.isEmpty else { return }
        let (isTaken, waiting): (Bool, OneShot<Void>?) = state.withLock { state in
            guard state.isUp else {
                for attempt in attempts {
                    state.core.ended(attempt)
                    state.core.recorded(attempt)
                }
                return (false, Self.idle(state))
            }
            state.handed += attempts
            return (true, Self.wake(&state))
        }
        waiting?.set(())
        // They came when the loop had ended: the next process starts them.
        if !isTaken { await recorder.giveBack(attempts.map { ($0.live, $0.live.lane) }) }
    }

    /// What keeps jobs with these keys from starting now.
    func obstacles(for keys: JobKeys, of limits: FunctionLimits, at now: Moment) -> [StartLimits.Obstacle] {
        state.withLock { $0.core.obstacles(for: keys, of: limits, at: now) }
    }

    func isSilent(_ keys: JobKeys) -> Bool { state.withLock { $0.core.isSilent(keys) } }

    /// Functions that an operator has paused.
    var paused: Set<String> { state.withLock { $0.paused } }

    func setPaused(_ name: String, _ paused: Bool) {
        let nap = state.withLock { state in
            if paused { state.paused.insert(name) } else { state.paused.remove(name) }
            return Self.wake(&state)
        }
        nap?.set(())
    }

    /// Stops a running attempt; false when it does not run here.
    func stop(_ id: JobID, _ reason: RunningAttempt.Stop) -> Bool {
        guard let attempt = state.withLock({ $0.core.running[id] }) else { return false }
        return attempt.stop(reason)
    }

    /// The attempts under way.
    var held: [RunningAttempt] { state.withLock { Array($0.core.running.values) } }

    func isRunning(_ id: JobID) -> Bool { state.withLock { $0.core.running[id] != nil } }

    /// Whether any attempt is under way.
    package var isBusy: Bool { state.withLock { !$0.core.running.isEmpty } }

    /// Whether jobs find free slots when they are accepted: it goes round, and nobody waits for one.
    package var givesSlots: Bool { state.withLock { $0.isUp && !$0.core.isShort } }

    package var isDraining: Bool { state.withLock { $0.core.draining } }

    /// Milliseconds since the loop last came round.
    package var sinceTick: Int64 { clock.now().monotonic - state.withLock { $0.lastTick } }

    /// Not ready from here on, no new claims, long polls answered.
    package func beginDraining() {
        let nap = state.withLock { state in
            state.core.draining = true
            return Self.wake(&state)
        }
        announcer.drain()
        recorder.beginDraining()
        nap?.set(())
    }

    private static func wake(_ state: inout State) -> OneShot<Void>? {
        state.awake = true
        state.napsBlind = false
        defer { state.nap = nil }
        return state.nap
    }

    /// Who waits until nothing runs, when nothing does.
    private static func idle(_ state: State) -> OneShot<Void>? { state.core.running.isEmpty ? state.idle : nil }

    /// Whether a slot that has become free may be what somebody waits for.
    private static func needsPlan(_ state: State, _ deployment: Deployment) -> Bool {
        state.napsBlind || state.core.needsPlan(deployment)
    }

    /// The deployment was replaced: what waits for a function, a slot or a limit may start now.
    ///
    /// - Parameter added: functions that it has and the former one had not.
    func adopt(added: Set<String>) {
        let targets = Set(deployment.value.functions.values.compactMap(LimitKeys.target))
        lanes.returned(added)
        let nap = state.withLock { state in
            state.core.adopted(targets: targets)
            return Self.wake(&state)
        }
        nap?.set(())
    }

    /// What a poll has found.
    private func hint(_ function: String, _ lanes: [LaneDue]) {
        state.withLock { state in
            for lane in lanes { state.core.hint(function, lane: lane.lane, due: lane.due) }
        }
    }

    /// One claim for everything that may start; false when there was nothing to ask for.
    private func startDue(_ group: inout DiscardingTaskGroup, at now: Moment) async -> Bool {
        let deployment = deployment.value
        let request = state.withLock { state in
            state.awake = false
            state.lastTick = now.monotonic
            return Self.request(&state, deployment, at: now)
        }
        guard let request else { return false }
        let answers: [ClaimAnswer]
        do {
            answers = try await store.claim(request.asks, under: request.terms, at: now)
        } catch {
            state.withLock { $0.core.failed(request.asks, at: now.wall) }
            logger.error("Cannot claim jobs, trying again", metadata: ["error": "\(error)"])
            try? await clock.sleep(untilMonotonic: clock.now().monotonic + Self.napMilliseconds)
            return true
        }
        let (attempts, giveBack) = take(answers, to: request.asks, deployment)
        start(attempts, &group)
        if !giveBack.isEmpty { group.addTask { await self.giveBack(giveBack) } }
        return true
    }

    /// What may start now, promised to the claim that it is put in.
    private static func request(_ state: inout State, _ deployment: Deployment, at now: Moment) -> ClaimRequest? {
        let left = state.core.leavesForAdmission(deployment)
        let asks = state.core.plan(deployment, paused: state.paused, at: now, leaving: left)
        guard !asks.isEmpty else { return nil }
        return ClaimRequest(
            asks: asks, terms: LeaseTerms(duration: Limits.lease, revision: deployment.revision), at: now)
    }

    /// What starts of that which was claimed, and what goes back.
    private func take(
        _ answers: [ClaimAnswer], to asks: [ClaimAsk], _ deployment: Deployment
    ) -> (attempts: [RunningAttempt], giveBack: [DispatcherState.Claimed]) {
        let claimed = answers.flatMap(\.jobs).compactMap { withKeys($0, deployment) }
        let startedAt = clock.now()
        return state.withLock { state in
            let (start, giveBack) = state.core.answered(asks, answers, claimed, at: startedAt)
            let attempts = start.compactMap { attempt(of: $0, deployment: deployment, at: startedAt) }
            for attempt in attempts { state.core.started(attempt) }
            return (attempts, giveBack)
        }
    }

    /// Jobs that were accepted with their lease.
    private func startHanded(_ group: inout DiscardingTaskGroup) {
        let handed = state.withLock { state in
            defer { state.handed = [] }
            return state.handed
        }
        start(handed, &group)
    }

    private func start(_ attempts: [RunningAttempt], _ group: inout DiscardingTaskGroup) {
        guard !attempts.isEmpty else { return }
        announcer.announce(attempts.lazy.map(\.live.job.id))
        for attempt in attempts {
            gauges.move(attempt.live.job, from: .queued, to: .running)
            metrics.update(attempt.function.name) { $0.started += 1 }
            group.addTask { await self.see(attempt) }
        }
    }

    private func withKeys(_ live: LiveJob, _ deployment: Deployment) -> DispatcherState.Claimed? {
        guard let function = deployment.functions[live.job.function] else { return nil }
        return DispatcherState.Claimed(live: live, function: function, keys: LimitKeys.of(live, function))
    }

    private func attempt(
        of claimed: DispatcherState.Claimed, deployment: Deployment, at now: Moment
    ) -> RunningAttempt? {
        guard let lease = claimed.live.lease else { return nil }
        return RunningAttempt(
            live: claimed.live, function: claimed.function, revision: deployment.revision, lease: lease,
            startedAt: now, keys: claimed.keys)
    }

    /// A limit had no room for them: back to where they were, without an attempt, and to the lane of their present keys.
    private func giveBack(_ jobs: [DispatcherState.Claimed]) async {
        await recorder.giveBack(jobs.map { ($0.live, $0.keys.lane) })
        let now = clock.now().wall
        let nap = state.withLock { state in
            for job in jobs { state.core.hint(job.function.name, lane: job.keys.lane, due: now) }
            return Self.wake(&state)
        }
        nap?.set(())
    }

    private func see(_ attempt: RunningAttempt) async {
        let outcome = await attempt.run(handler(of: attempt), clock: clock)
        let entry = ended(attempt, outcome)
        let isWriter = ends.add(EndWriter.End(attempt: attempt, entry: entry))
        // After its end was handed over: what is claimed for its slot comes into the same commit, or a later one.
        state.withLock { $0.core.ended(attempt) }
        if isWriter { await ends.write(for: self) } else { planUnlessWriting() }
    }

    /// Slots are free: whoever writes next claims along, or the loop claims by itself.
    private func planUnlessWriting() {
        guard !ends.isWaiting else { return }
        let deployment = deployment.value
        // Most ends free nothing that anybody waits for.
        let nap = state.withLock { state in Self.needsPlan(state, deployment) ? Self.wake(&state) : nil }
        nap?.set(())
    }

    private func handler(of attempt: RunningAttempt) -> any Handler { handlers(attempt.function, deployment.value) }

    /// Counts and tells how it ended. What is to be recorded.
    private func ended(_ attempt: RunningAttempt, _ outcome: Outcome) -> Recorder.Entry {
        let now = clock.now()
        let milliseconds = now.monotonic - attempt.startedAt.monotonic
        let seconds = Double(milliseconds) / 1000
        gauges.attemptEnded(attempt.function.name, after: seconds)
        metrics.update(attempt.function.name) {
            $0.waitSeconds.observe(max(0, (attempt.startedAt.wall - attempt.live.due).inSeconds))
            $0.attemptSeconds.observe(seconds)
            $0.attemptTimes.record(milliseconds)
        }
        note(attempt, outcome)
        attempt.log(outcome, after: milliseconds, to: logger)
        return Recorder.Entry(
            live: attempt.recorded, outcome: outcome, function: attempt.function, exchange: attempt.exchange,
            endedAt: now.wall)
    }

    private func note(_ attempt: RunningAttempt, _ outcome: Outcome) {
        guard let hasAnswered = attempt.targetHasAnswered(outcome) else { return }
        let now = clock.now()
        let change = state.withLock { $0.core.heard(attempt, hasAnswered, at: now) }
        if let change { attempt.log(targetAnswers: change, to: logger) }
    }

    /// Targets that do not answer.
    package var silentTargets: Int { state.withLock { $0.core.silentTargets } }

    /// Until a hint, the next due time, or the poll.
    private func nap(_ now: Moment) async {
        let deployment = deployment.value
        let nap = OneShot<Void>()
        let due: Timestamp?? = state.withLock { state in
            if state.awake || state.core.draining || !state.handed.isEmpty { return nil }
            state.nap = nap
            state.napsBlind = state.core.isFull(deployment)
            return .some(state.core.nextDue(deployment, paused: state.paused))
        }
        guard let due else { return }
        let milliseconds = due.map { ($0 - now.wall).milliseconds } ?? Self.napMilliseconds
        let limit = now.monotonic + min(max(1, milliseconds), Self.napMilliseconds)
        _ = await nap.value(untilMonotonic: limit, clock: clock)
    }

    /// Waits for the running attempts, at most the grace time, and gives back the rest.
    private func drain() async {
        // Whatever is still to be written at the end is written once more, or left to the restart.
        defer { recorder.giveUp() }
        let count = held.count
        guard count > 0 else { return }
        let grace = deployment.value.shutdownGrace
        logger.info("Waiting for running attempts", metadata: ["running": "\(count)", "grace": "\(grace.written)"])
        if await isIdle(within: grace.milliseconds) { return }
        let left = held
        logger.info("Giving back attempts that are still running", metadata: ["running": "\(left.count)"])
        for attempt in left { attempt.stop(.release) }
        _ = await isIdle(within: Self.releaseMilliseconds)
    }

    private func isIdle(within milliseconds: Int64) async -> Bool {
        let idle = OneShot<Void>()
        let isBusy = state.withLock { state in
            state.idle = idle
            return !state.core.running.isEmpty
        }
        guard isBusy else { return true }
        return await idle.value(untilMonotonic: clock.now().monotonic + milliseconds, clock: clock) != nil
    }
}

extension Dispatcher: EndWriter.Owner {
    func claimAlong() -> EndWriter.Claim? {
        let deployment = deployment.value
        let now = clock.now()
        let (request, nap): (ClaimRequest?, OneShot<Void>?) = state.withLock { state in
            guard state.isUp, now.monotonic >= state.claimsAlongFrom, Self.needsPlan(state, deployment) else {
                return (nil, nil)
            }
            let request = Self.request(&state, deployment, at: now)
            // What is due later, or waits for a limit until then, the loop waits for.
            return (request, request == nil ? Self.wake(&state) : nil)
        }
        nap?.set(())
        return request.map { EndWriter.Claim(request: $0, deployment: deployment) }
    }

    func failed(_ claim: EndWriter.Claim) {
        let now = clock.now().monotonic
        let nap = state.withLock { state in
            state.core.failed(claim.request.asks, at: claim.request.now.wall)
            // The loop's own claim says what is wrong, and spoils nobody's ends.
            state.claimsAlongFrom = now + Self.napMilliseconds
            return Self.wake(&state)
        }
        nap?.set(())
    }

    func written(_ ends: [EndWriter.End], dues: [Timestamp?], claimed: (EndWriter.Claim, [ClaimAnswer])?) async {
        // What has been claimed runs before what has ended is gone: a drain waits for it.
        let taken = claimed.map { claim, answers in take(answers, to: claim.request.asks, claim.deployment) }
        recorded(ends, dues: dues, hasClaimed: taken != nil)
        guard let taken else { return }
        await handOver(taken.attempts)
        if !taken.giveBack.isEmpty { await giveBack(taken.giveBack) }
    }

    /// Their ends are written, or others have ended them.
    private func recorded(_ ends: [EndWriter.End], dues: [Timestamp?], hasClaimed: Bool) {
        let (nap, idle) = state.withLock { state in
            for (attempt, due) in zip(ends.lazy.map(\.attempt), dues) {
                state.core.recorded(attempt)
                if let due { state.core.hint(attempt.function.name, lane: attempt.live.lane, due: due) }
            }
            // The loop is to know when what goes back is due, and what a claim has left.
            let isAwaited = hasClaimed || dues.contains { $0 != nil }
            return (isAwaited ? Self.wake(&state) : nil, Self.idle(state))
        }
        nap?.set(())
        idle?.set(())
        planUnlessWriting()
    }
}
