internal import Dispatching
internal import JobModel
internal import JobStore
private import Synchronization
internal import Timing

/// An attempt under way.
final class RunningAttempt: Sendable {
    enum Stop: Sendable {
        /// Cancelled by force.
        case cancel
        /// Given back: the server shuts down.
        case release
    }

    /// What the dispatch state knows it by.
    let number: AttemptID
    let live: LiveJob
    /// As declared when the attempt started; a reload does not change it.
    let function: Function
    let revision: String
    let lease: Lease
    private let start: Mutex<Moment>
    /// How it ends: whoever is first says it, the handler, the clock, or somebody who stops it.
    private let ended = OneShot<Outcome>()
    private let reported = Mutex<Exchange?>(nil)

    /// What the handler has told of its target's answer.
    var exchange: Exchange? { reported.withLock { $0 } }

    init(
        number: AttemptID, live: LiveJob, function: Function, revision: String, lease: Lease, startedAt: Moment
    ) {
        self.number = number
        self.live = live
        self.function = function
        self.revision = revision
        self.lease = lease
        start = Mutex(startedAt)
    }

    /// When it got its slot, and once it runs, when the handler began.
    var startedAt: Moment { start.withLock { $0 } }

    /// As it is recorded: the store has the time of the lease, the attempt keeps the time at which it began.
    var recorded: LiveJob {
        var recorded = live
        recorded.startedAt = startedAt.wall
        // The manifest in force when it began, which may be newer than the one that it was claimed under.
        recorded.revision = revision
        return recorded
    }

    /// False when it has ended already.
    @discardableResult func stop(_ reason: Stop) -> Bool {
        switch reason {
        case .cancel: ended.set(.cancelled)
        case .release: ended.set(.released)
        }
    }

    /// Runs the handler until it answers, its time is up, or somebody stops it.
    func run(_ handler: any Handler, clock: any EngineClock) async -> Outcome {
        // It may have been stopped before it came to run: then nothing is to start.
        if let outcome = ended.current { return outcome }
        guard let alarm = begin(clock) else { return .expired }
        defer { clock.dismiss(alarm) }
        return await withTaskGroup(of: Void.self) { group in
            // It runs here until it waits for something.
            group.addImmediateTask { self.ended.set(await handler.run(self.call)) }
            let outcome = await ended.value() ?? .released
            group.cancelAll()
            if case .cancelled = outcome { return outcome }
            // The engine's own task was cancelled: what the handler says then is not its answer.
            return Task.isCancelled ? .released : outcome
        }
    }

    /// Notes when it began and sets the alarm for its end; nil when the job's `maxWait` is over.
    private func begin(_ clock: any EngineClock) -> AlarmID? {
        let now = clock.now()
        start.withLock { $0 = now }
        let untilExpiry = (live.deadline - now.steady).milliseconds
        guard untilExpiry > 0 else { return nil }
        let expires = untilExpiry <= function.timeout.milliseconds
        return clock.alarm(atMonotonic: now.monotonic + min(untilExpiry, function.timeout.milliseconds)) {
            self.ended.set(expires ? .expired : .timedOut(after: self.function.timeout))
        }
    }

    private var call: HandlerCall {
        HandlerCall(
            job: live.job, attempt: live.progress.attempt, run: live.progress.run,
            deadline: startedAt.wall + min(live.deadline - startedAt.steady, function.timeout),
            report: { exchange in self.reported.withLock { $0 = exchange } })
    }
}
