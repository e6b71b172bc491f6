internal import Dispatching
package import JobModel
package import JobStore
package import Logging
package import ServiceLifecycle

/// The engine: everything between a surface and the store.
package final class JobEngine: Sendable {
    package let admission: Admission
    package let announcer: Announcer
    package let deployment: CurrentDeployment
    package let gauges: FunctionGauges
    package let metrics: EngineMetrics
    package let clock: any EngineClock
    package let dispatcher: Dispatcher
    package let loop: DispatchLoop
    package let reclaimer: Reclaimer
    package let pruner: Pruner
    package let deliveries: Deliveries
    package let clockWatch: ClockWatch
    let store: any EngineStore
    private let recorder: Recorder
    private let rates: RateLimiter
    private let probes = ProbeMemory()

    /// - Parameters:
    ///   - handlers: what runs an attempt of a function.
    ///   - sender: what makes an attempt at a webhook.
    package init(
        store: any EngineStore, deployment: Deployment,
        handlers: @escaping @Sendable (Function, Deployment) -> any Handler,
        sender: any WebhookSender, clock: any EngineClock, random: RandomSource, logger: Logger
    ) {
        let current = CurrentDeployment(deployment)
        let announcer = Announcer()
        let gauges = FunctionGauges()
        let metrics = EngineMetrics()
        self.metrics = metrics
        let deliveries = Deliveries(
            store: store, deployment: current, sender: sender, clock: clock, random: random, logger: logger)
        self.deliveries = deliveries
        let recorder = Recorder(
            store: store, deployment: current, clock: clock, random: random, announcer: announcer, gauges: gauges,
            metrics: metrics, deliveries: deliveries, logger: logger)
        let completions = CompletionWriter(store: store, recorder: recorder)
        let dispatcher = Dispatcher(
            deployment: current, clock: clock, announcer: announcer, isClaimComing: { completions.isWaiting })
        let runner = AttemptRunner(
            handlers: handlers, deployment: current, recorder: recorder, counters: gauges, metrics: metrics,
            clock: clock, logger: logger)
        loop = DispatchLoop(
            store: store, dispatcher: dispatcher, runner: runner, completions: completions, announcer: announcer,
            logger: logger)
        let rates = RateLimiter()
        self.rates = rates
        admission = Admission(
            store: store, deployment: current, clock: clock, random: random, gauges: gauges,
            rates: rates, metrics: metrics, dispatcher: dispatcher)
        reclaimer = Reclaimer(
            store: store, recorder: recorder, dispatcher: dispatcher, deployment: current, clock: clock, logger: logger)
        pruner = Pruner(store: store, clock: clock, logger: logger)
        clockWatch = ClockWatch(store: store, dispatcher: dispatcher, clock: clock, logger: logger)
        self.deployment = current
        self.announcer = announcer
        self.gauges = gauges
        self.recorder = recorder
        self.dispatcher = dispatcher
        self.clock = clock
        self.store = store
    }

    /// Goes on under another manifest: queued jobs start under it, running attempts finish under theirs.
    ///
    /// - Returns: the former deployment.
    @discardableResult package func adopt(_ deployment: Deployment) -> Deployment {
        let former = self.deployment.replace(with: deployment)
        dispatcher.adopt(self.deployment.value)
        return former
    }

    /// Reads what a former process left, before anything new is accepted. Changes nothing.
    package func load() async throws(StoreError) {
        try await clockWatch.resume()
        gauges.start(from: try await store.backlog())
        let now = clock.now().steady
        rates.load(try await store.windows(at: now), at: now)
        for name in try await store.pausedFunctions() { dispatcher.setPaused(name, true) }
    }

    /// Takes up the attempts that a former process left running. Only for whoever is certain to serve: it charges them.
    package func recover() async throws(StoreError) { try await reclaimer.reclaimAll() }

    /// In the order in which they start; they shut down the other way round, the dispatcher first.
    package var services: [any Service] { [clockWatch, pruner, reclaimer, deliveries, loop] }

    package func lookUp(_ id: JobID, including parts: JobParts = []) async throws(StoreError) -> JobLookup {
        let lookup = try await store.fetch([id], including: parts).first ?? .unknown
        guard case .found(let job) = lookup else { return lookup }
        return .found(job.shown(at: clock.now()))
    }

    /// Functions that an operator has paused, beside those that the manifest pauses.
    package var paused: Set<String> { dispatcher.paused }

    /// Stops or resumes starting jobs of a function; kept over restarts.
    package func setPaused(_ function: String, _ paused: Bool) async throws(StoreError) {
        try await store.setPaused(function, paused)
        dispatcher.setPaused(function, paused)
    }

    package var storeStatistics: StoreStatistics { store.statistics }

    package func attempts(of id: JobID) async throws(StoreError) -> [Attempt] { try await store.attempts(of: id) }

    package func pollAdvice(for function: String) -> PollAdvice {
        let deployment = deployment.value
        return PollAdvice(
            function: deployment.policy(of: function)?.declared, gauge: gauges[function],
            attemptSeconds: gauges.attemptSeconds(of: function), running: gauges.total(of: nil).running,
            concurrency: deployment.concurrency)
    }

    /// Ready: a write has reached the disk within the last second, the dispatcher goes round, nothing is shutting down. The reasons why not.
    package func readiness() async -> [String] {
        var reasons: [String] = []
        if dispatcher.isDraining { reasons.append("shutting down") }
        if dispatcher.sinceTick > 10_000 { reasons.append("the dispatcher does not run") }
        let now = clock.now().monotonic
        if !probes.isFresh(at: now) {
            do {
                try await store.probe()
                probes.succeeded(at: now)
            } catch {
                reasons.append("\(error)")
            }
        }
        return reasons
    }
}

extension JobEngine {
    package enum CancelResult: Equatable, Sendable {
        case cancelled(JobSnapshot)
        /// It runs, and force was not asked for.
        case running
        /// It ended otherwise before.
        case ended(JobState)
        case gone
    }

    /// Cancels a queued or waiting job at once; a running one only with force, by stopping its attempt.
    ///
    /// It is about the run that it finds: when somebody opens the next one meanwhile, that one goes on, and the answer is what
    /// became of the former.
    package func cancel(_ id: JobID, force: Bool) async throws(StoreError) -> CancelResult {
        // An attempt that cannot be stopped in this time (the store cannot write) is still running.
        let limit = clock.now().monotonic + 10_000
        var found: Int?
        while true {
            let waiter = announcer.subscribe(to: id)
            defer { announcer.unsubscribe(waiter, from: id) }
            guard case .found(let job)? = try await store.fetch([id], including: []).first else { return .gone }
            let run = found ?? job.progress.run
            found = run
            guard job.progress.run == run else { return try await end(of: run, id) }
            switch job.state {
            case .queued, .waiting:
                let live = LiveJob(
                    job: job.job, state: job.state, progress: job.progress, due: job.runAt,
                    deadline: job.deadline ?? job.runAt)
                try await recorder.end([live], as: Ending(.cancelled), error: nil)
            case .running:
                guard force else { return .running }
                guard clock.now().monotonic < limit else { return .running }
                _ = dispatcher.stop(id, run: run, .cancel)
                // Its end is announced; when it does not run here any more it has just ended, or will be reclaimed.
                let wake = await waiter.value(untilMonotonic: clock.now().monotonic + 1000, clock: clock)
                // Nothing is announced to new waiters any more.
                if wake == .draining { try? await clock.sleep(untilMonotonic: clock.now().monotonic + 50) }
            case .cancelled, .completed, .failed, .timeout:
                return try await end(of: run, id)
            }
            if Task.isCancelled { return .running }
        }
    }

    private func end(of run: Int, _ id: JobID) async throws(StoreError) -> CancelResult {
        guard let job = try await store.end(of: run, id) else { return .gone }
        return job.state == .cancelled ? .cancelled(job) : .ended(job.state)
    }

    /// Opens the next run of a failed, timed out or cancelled job.
    package func retry(_ id: JobID) async throws(StoreError) -> RetryResult {
        guard case .found(let job) = try await lookUp(id, including: .payload) else { return .unknown }
        let now = clock.now().steady
        let function = deployment.policy(for: job.job)?.function
        let maxWait = function?.maxWait ?? Duration.seconds(7 * 86_400)
        let keys = function.map { LimitKeys.of(job.job, $0) }
        let lane = keys?.lane ?? 0
        let results = try await store.retry([RetryRequest(id: id, lane: lane, deadline: now + maxWait)], at: now)
        guard let result = results.first else { return .unknown }
        if case .retried = result {
            gauges.move(job.job, from: nil, to: .queued)
            announcer.announce([id])
            dispatcher.hint(job.job.function, lane: lane, keys: keys, due: now)
        }
        return result
    }
}
