internal import Dispatching
package import JobModel
package import JobStore
package import Logging
package import ServiceLifecycle
package import Timing
internal import WebhookDelivery

/// The engine: everything between a surface and the store, as verbs.
///
/// Verbs that take an id also take a `Viewer`, and answer about somebody else's job as about one that never was. Whoever
/// holds a snapshot has been let see it.
package final class JobEngine: Sendable {
    let admission: Admission
    let announcer: Announcer
    let deployment: CurrentDeployment
    let counters: QueueCounters
    let metrics: EngineMetrics
    let clock: any EngineClock
    let dispatcher: Dispatcher
    let loop: DispatchLoop
    let reclaimer: Reclaimer
    let pruner: Pruner
    let deliveries: Deliveries
    let clockWatch: ClockWatch
    let store: any EngineStore
    let recorder: Recorder
    let probes = ProbeMemory()
    /// Whoever measures the disk tells it.
    package let freeSpace: FreeSpace
    private let rates: RateLimiter

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
        let counters = QueueCounters()
        let metrics = EngineMetrics()
        self.metrics = metrics
        let deliveries = Deliveries(
            store: store, deployment: { current.value }, sender: sender, clock: clock, random: random, logger: logger)
        self.deliveries = deliveries
        let recorder = Recorder(
            store: store, deployment: current, clock: clock, random: random, announcer: announcer, counters: counters,
            metrics: metrics, deliveries: deliveries, logger: logger)
        let completions = CompletionWriter(store: store, recorder: recorder)
        let dispatcher = Dispatcher(
            deployment: current, clock: clock, announcer: announcer, isClaimComing: { completions.isWaiting })
        let runner = AttemptRunner(
            handlers: handlers, deployment: current, recorder: recorder, counters: counters, metrics: metrics,
            clock: clock, logger: logger)
        loop = DispatchLoop(
            store: store, dispatcher: dispatcher, runner: runner, completions: completions, announcer: announcer,
            logger: logger)
        let rates = RateLimiter()
        self.rates = rates
        let freeSpace = FreeSpace(deployment: current, clock: clock, logger: logger)
        self.freeSpace = freeSpace
        admission = Admission(
            store: store, deployment: current, clock: clock, random: random, counters: counters,
            rates: rates, metrics: metrics, dispatcher: dispatcher, freeSpace: freeSpace,
            redirects: RedirectPlan(logger: logger))
        reclaimer = Reclaimer(
            store: store, recorder: recorder, dispatcher: dispatcher, deployment: current, clock: clock, logger: logger)
        pruner = Pruner(store: store, clock: clock, logger: logger)
        clockWatch = ClockWatch(store: store, dispatcher: dispatcher, clock: clock, logger: logger)
        self.deployment = current
        self.announcer = announcer
        self.counters = counters
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
        counters.start(from: try await store.backlog())
        let now = clock.now().steady
        rates.load(try await store.windows(at: now), at: now)
        for name in try await store.pausedFunctions() { dispatcher.setPaused(name, true) }
    }

    /// Takes up the attempts that a former process left running. Only for whoever is certain to serve: it charges them.
    package func recover() async throws(StoreError) { try await reclaimer.reclaimAll() }

    /// In the order in which they start; they shut down the other way round, the dispatcher first.
    package var services: [any Service] { [clockWatch, pruner, reclaimer, deliveries, loop] }
}
