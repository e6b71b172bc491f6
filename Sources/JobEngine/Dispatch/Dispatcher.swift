internal import Dispatching
internal import JobModel
internal import JobStore
private import Synchronization
internal import Timing

/// Holds the dispatch state and carries out what it decides: the one door to who may start.
///
/// `DispatchLoop` claims and runs, `CompletionWriter` claims along with what it writes, `Admission` takes slots at the door:
/// each reserves, and closes its reservation with what came of it.
package final class Dispatcher: Sendable {
    /// After a claim has failed because the store cannot work, the next waits so long, in milliseconds.
    static let pauseAfterFailure: Int64 = 1000

    struct State {
        var core: DispatchState
        var running: [JobID: RunningAttempt] = [:]
        /// Attempts that hold a slot and a lease, until the loop takes them up.
        var handed: [RunningAttempt] = []
        /// Claimed jobs that do not start, until it is written that they went back.
        var returning: [JobID: Lease] = [:]
        /// Ends the loop's sleep.
        var sleeper: OneShot<Void>?
        /// What the loop wakes for by itself.
        var sleepsFor: (due: Timestamp?, alarm: Int64?)
        /// Something came while the loop was awake.
        var isCalled = true
        /// Whether the loop goes round and takes up what is handed to it.
        var isUp = false
        /// Milliseconds of the monotonic clock: before then no claim is tried, or none beside ends.
        var claimsFrom: Int64 = .min
        var isPausing = false
        var claimsBesideEndsFrom: Int64 = .min
        /// A task reads first jobs of lanes.
        var isReading = false
        var lastTick: Int64 = 0
        var paused: Set<String> = []

        init(_ rules: DispatchRules) { core = DispatchState(rules) }

        /// Whether somebody may start whom nobody has claimed.
        var needsClaim: Bool { core.needsPlan && !isPausing }

        /// Whether the loop has something to do that nobody else does.
        var needsLoop: Bool {
            !handed.isEmpty || (core.needsReading && !isReading) || (core.isDraining && isIdle)
        }

        /// Nothing runs and nothing is promised.
        var isIdle: Bool { running.isEmpty && handed.isEmpty && !core.hasReservations }

        /// Who is to be woken.
        mutating func takeSleeper() -> OneShot<Void>? {
            guard let waiting = sleeper else {
                isCalled = true
                return nil
            }
            sleeper = nil
            return waiting
        }

        /// The loop sleeps, and something is due before it wakes.
        mutating func isDueEarlier() -> Bool {
            guard sleeper != nil else { return false }
            let next = core.nextTimes()
            let never = Timestamp(milliseconds: .max)
            return (next.due ?? never) < (sleepsFor.due ?? never)
                || (next.alarm ?? .max) < (sleepsFor.alarm ?? .max)
        }
    }

    private let state: Mutex<State>
    /// The longest time that anybody has held the lock, in nanoseconds: event loops wait for it.
    private let longest = Atomic<Int64>(0)
    let deployment: CurrentDeployment
    let clock: any EngineClock
    private let announcer: Announcer
    /// Whether a write is about to begin that will claim what starts next.
    let isClaimComing: @Sendable () -> Bool

    init(
        deployment: CurrentDeployment, clock: any EngineClock, announcer: Announcer,
        isClaimComing: @escaping @Sendable () -> Bool
    ) {
        state = Mutex(State(DispatchRules(deployment.value)))
        self.deployment = deployment
        self.clock = clock
        self.announcer = announcer
        self.isClaimComing = isClaimComing
    }

    /// The one way to the state: what follows from a change is done outside the lock.
    func change<Value>(_ body: (inout State) -> Value) -> Value {
        let began = Uptime.nanoseconds()
        let (value, sleeper) = state.withLock { state in
            let value = body(&state)
            return (value, needsLoop(state) || state.isDueEarlier() ? state.takeSleeper() : nil)
        }
        let held = Uptime.nanoseconds() - began
        if held > longest.load(ordering: .relaxed) { longest.store(held, ordering: .relaxed) }
        sleeper?.set(())
        return value
    }

    /// Whether the loop has something to do at once. A claim that is about to be made beside ends takes what they leave.
    func needsLoop(_ state: State) -> Bool { state.needsLoop || (state.needsClaim && !isClaimComing()) }

    /// Looks without changing anything.
    func look<Value>(_ body: (inout State) -> Value) -> Value { state.withLock { body(&$0) } }

    /// The loop looks again, whatever the state says.
    func wakeLoop() { state.withLock { $0.takeSleeper() }?.set(()) }
}

// What others ask and tell.
extension Dispatcher {
    /// A job of the function's lane will be due then.
    ///
    /// - Parameter keys: the job's under the deployment in force, where they are known.
    func hint(_ function: String, lane: Int64, keys: JobKeys? = nil, due: Timestamp) {
        let now = clock.now()
        change { $0.core.hint(function, lane: lane, keys: keys, due: due, at: now) }
    }

    /// Everything that keeps a job with these keys from starting now, beside slots.
    func obstacles(_ function: String, _ keys: JobKeys, at now: Moment) -> [Obstacle] {
        change { $0.core.obstacles(function, keys, at: now) }
    }

    /// Functions that an operator has paused.
    var paused: Set<String> { look { $0.paused } }

    func setPaused(_ name: String, _ isPaused: Bool) {
        change { state in
            if isPaused { state.paused.insert(name) } else { state.paused.remove(name) }
            state.core.setPaused(name, isPaused)
        }
    }

    /// Stops a running attempt; false when no attempt of that run runs here.
    func stop(_ id: JobID, run: Int, _ reason: RunningAttempt.Stop) -> Bool {
        guard let attempt = look({ $0.running[id] }), attempt.live.progress.run == run else { return false }
        return attempt.stop(reason)
    }

    /// The attempts under way.
    var held: [RunningAttempt] { look { Array($0.running.values) } }

    /// Of these leases, those that nobody here has or brings back. One whose claim is still under way is among them.
    func unheld(_ leases: [HeldLease]) -> [HeldLease] {
        look { state in
            leases.filter { state.running[$0.id]?.lease != $0.lease && state.returning[$0.id] != $0.lease }
        }
    }

    /// The latest claim, or start at the door, that was begun, and the earliest that has not been closed.
    var claims: (latest: ReservationID, earliestOpen: ReservationID?) {
        look { ($0.core.latestReservation, $0.core.earliestReservation) }
    }

    /// Whether any attempt is under way.
    package var isBusy: Bool { look { !$0.running.isEmpty } }

    /// Whether the loop goes round and everything queued has been looked for: then free slots are given at the door.
    package var isReady: Bool {
        look { $0.isUp && $0.core.unscanned.isEmpty && !$0.core.needsPlan && !$0.core.needsReading }
    }

    package var isDraining: Bool { look { $0.core.isDraining } }

    /// Milliseconds since the loop last came round.
    package var sinceTick: Int64 { clock.now().monotonic - look { $0.lastTick } }

    /// How often starts were held back for a suspect.
    package var startHolds: UInt64 { look { $0.core.startHolds } }

    /// Targets that do not answer.
    package var silentTargets: Int { look { $0.core.silentTargets } }

    /// Claimed jobs that went back without having started, because a limit had no room for them after all.
    package var givenBack: Int { look { $0.core.givenBack } }

    /// The longest time that the lock was held, in seconds.
    package var longestHold: Double { Double(longest.load(ordering: .relaxed)) / 1e9 }

    /// Not ready from here on, no new claims, long polls answered.
    package func beginDraining() {
        change { $0.core.isDraining = true }
        announcer.drain()
        wakeLoop()
    }

    /// The deployment in force was replaced: what waits for a function, a slot or a limit may start now.
    func adopt(_ deployment: Deployment) {
        let rules = DispatchRules(deployment)
        let now = clock.now()
        let affected = change { state in
            let ids = Set(state.core.adopt(rules, number: deployment.number, at: now) + state.core.takeStaleAttempts())
            return state.running.values.filter { ids.contains($0.number) }
        }
        rekey(affected, deployment)
        wakeLoop()
    }

    /// Attempts that began with keys of a former deployment.
    private func rekey(_ attempts: [RunningAttempt], _ deployment: Deployment) {
        let keys = attempts.compactMap { attempt in
            let live = attempt.live
            return deployment.policy(for: live.job)?.declared.map {
                (attempt.number, LimitKeys.of(live.job, $0, live.progress))
            }
        }
        let now = clock.now()
        // Where another deployment has come meanwhile, its `adopt` does it.
        _ = change { $0.core.rekey(keys, under: deployment.number, at: now) }
    }

    func rekeyStale() {
        let stale = change { state in
            let ids = Set(state.core.takeStaleAttempts())
            return ids.isEmpty ? [] : state.running.values.filter { ids.contains($0.number) }
        }
        if !stale.isEmpty { rekey(stale, deployment.value) }
    }
}
