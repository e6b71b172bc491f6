package import JobModel
package import JobStore
package import Logging
package import ServiceLifecycle
private import Synchronization
package import Timing

/// Sends the webhooks that the store holds, each until it has arrived or its attempts are used up.
package final class Deliveries: Service {
    /// Without any hint the store is asked this often: a lost hint costs so much latency, never a webhook.
    private static let napMilliseconds: Int64 = 1000
    /// At a shutdown attempts under way get this long; what is cut off is made again after the restart.
    private static let graceMilliseconds: Int64 = 5000
    /// With no room, whether some receiver has become slow is looked at this often, and what stands behind those that wait.
    private static let crowdedMilliseconds: Int64 = 250
    /// After the store could not be asked or written to.
    private static let pauseMilliseconds: Int64 = 1000
    /// What the store says is leased is compared with what is held here this often.
    private static let reconciliationMilliseconds: Int64 = 2000
    private static let batch = 500

    /// What it has done since it started.
    package struct Counts: Equatable, Sendable {
        package var delivered: UInt64 = 0
        /// Given up: no attempt left, or the receiver wanted no more.
        package var failed: UInt64 = 0
        /// Attempts that were followed, or will be, by another.
        package var retried: UInt64 = 0
    }

    private struct State {
        var slots = DeliverySlots()
        /// What was claimed and is not settled yet, by number.
        var held: [Int64: Lease] = [:]
        /// What has its slot and is to be started by the loop.
        var toStart: [HeldDelivery] = []
        /// With no room, when the store is asked next, in milliseconds of the monotonic clock.
        var nextLook: Int64 = .min
        /// When leases are next compared with that, in milliseconds of the monotonic clock.
        var nextReconciliation: Int64 = .min
        var nap: OneShot<Void>?
        var awake = true
        /// The store has more that is due than there was room for.
        var isBehind = false
        var draining = false
        var idle: OneShot<Void>?
        var counts = Counts()
    }

    private let state = Mutex(State())
    private let store: any DeliveryStore
    private let deployment: @Sendable () -> Deployment
    private let sender: any WebhookSender
    private let clock: any EngineClock
    private let random: RandomSource
    private let logger: Logger

    /// - Parameter deployment: the one in force.
    package init(
        store: any DeliveryStore, deployment: @escaping @Sendable () -> Deployment, sender: any WebhookSender,
        clock: any EngineClock,
        random: RandomSource, logger: Logger
    ) {
        self.store = store
        self.deployment = deployment
        self.sender = sender
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    package var counts: Counts { state.withLock { $0.counts } }

    /// Until shutdown; then no new attempts, those under way get a short time.
    package func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled, !isDraining { await round(&group) }
                await drain()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            let nap = self.state.withLock { state in
                state.draining = true
                state.slots.dropWaiting()
                return Self.wake(&state)
            }
            nap?.set(())
        }
    }

    private var isDraining: Bool { state.withLock { $0.draining } }

    /// A webhook was stored, or is due again.
    package func wake() { state.withLock { Self.wake(&$0) }?.set(()) }

    private static func wake(_ state: inout State) -> OneShot<Void>? {
        state.awake = true
        defer { state.nap = nil }
        return state.nap
    }

    /// Takes what is due as far as there is room, then sleeps until there is something to do.
    private func round(_ group: inout DiscardingTaskGroup) async {
        let before = clock.now()
        let (starting, retreating) = state.withLock { state in
            defer { state.toStart = [] }
            return (state.toStart, state.slots.retreat(at: before.monotonic))
        }
        for held in starting { group.addTask { await self.see(held) } }
        await putBack(retreating, at: before)
        await reconcile(at: before)
        // That may have taken long.
        let now = clock.now()
        let room = state.withLock { state in
            state.awake = !state.toStart.isEmpty
            state.isBehind = state.slots.room == 0
            // With room again and again, what stands behind those that wait has its turn soon enough.
            if state.isBehind, now.monotonic < state.nextLook { return 0 }
            state.nextLook = now.monotonic + Self.crowdedMilliseconds
            return state.isBehind ? SlotBounds.total : state.slots.room
        }
        guard room > 0 else { return await nap(until: now.steady + .milliseconds(Self.crowdedMilliseconds), now) }
        let claim: DeliveryClaim
        do {
            claim = try await store.claimDeliveries(limit: room, at: now.steady)
        } catch {
            if error != .closed { logger.error("Cannot look for webhooks", metadata: ["error": "\(error)"]) }
            try? await clock.sleep(untilMonotonic: now.monotonic + Self.pauseMilliseconds)
            return
        }
        let held = claim.deliveries.compactMap { HeldDelivery($0) }
        state.withLock { state in
            for held in held { state.held[held.delivery.number] = held.lease }
        }
        await putBack(place(held, at: now, &group), at: now)
        let isCut = claim.nextDue.map { $0 <= now.steady } ?? false
        state.withLock { $0.isBehind = $0.isBehind || isCut }
        await nap(until: claim.nextDue, now)
    }

    /// What is leased and nobody here holds is due again: the answer of its claim got lost. Nobody claims meanwhile.
    private func reconcile(at now: Moment) async {
        let isTime = state.withLock { state in
            guard now.monotonic >= state.nextReconciliation else { return false }
            state.nextReconciliation = now.monotonic + Self.reconciliationMilliseconds
            return true
        }
        guard isTime else { return }
        // Before the store is asked: what ends meanwhile was held.
        let held = state.withLock { $0.held }
        var cursor: Int64?
        repeat {
            do {
                let page = try await store.heldDeliveries(after: cursor, limit: Self.batch)
                cursor = page.count == Self.batch ? page.last?.number : nil
                let lost = page.filter { held[$0.number] != $0.lease }
                guard !lost.isEmpty else { continue }
                logger.warning("Taking up webhooks that were cut off", metadata: ["count": "\(lost.count)"])
                _ = await write(
                    lost.map {
                        DeliverySettlement(
                            number: $0.number, lease: $0.lease, attempt: nil, change: .later(at: now.steady))
                    })
            } catch {
                if error != .closed { logger.error("Cannot look for webhooks", metadata: ["error": "\(error)"]) }
                return
            }
        } while cursor != nil
    }

    /// - Returns: what goes back to the store, each for so long.
    private func place(
        _ claimed: [HeldDelivery], at now: Moment, _ group: inout DiscardingTaskGroup
    ) -> [(held: HeldDelivery, pause: Duration)] {
        var away: [(HeldDelivery, Duration)] = []
        for held in claimed {
            // At a shutdown nothing new begins: the next process sends it.
            let place = state.withLock { $0.draining ? .stayAway(.zero) : $0.slots.place(held, at: now.monotonic) }
            switch place {
            case .start: group.addTask { await self.see(held) }
            case .wait: break
            case .stayAway(let pause): away.append((held, pause))
            }
        }
        return away
    }

    private func putBack(_ away: [(held: HeldDelivery, pause: Duration)], at now: Moment) async {
        guard !away.isEmpty else { return }
        _ = await write(
            away.map { held, pause in
                DeliverySettlement(
                    number: held.delivery.number, lease: held.lease, attempt: nil,
                    change: .later(at: now.steady + pause))
            })
    }

    /// One delivery, and whatever may start in its place.
    private func see(_ first: HeldDelivery) async {
        var current: HeldDelivery? = first
        while let held = current {
            let (milliseconds, hasAnswered) = await attempt(held)
            let now = clock.now().monotonic
            let (next, nap, idle) = state.withLock { state in
                let starting = state.slots.giveBack(held, hasAnswered: hasAnswered, after: milliseconds, at: now)
                state.toStart += starting.dropFirst()
                // Asking the store for a few at a time would cost more than sending them.
                let isWorthIt = state.isBehind && state.slots.room >= SlotBounds.total / 4
                let wakes = isWorthIt || starting.count > 1
                return (
                    starting.first, wakes ? Self.wake(&state) : nil, state.slots.taken == 0 ? state.idle : nil
                )
            }
            nap?.set(())
            idle?.set(())
            current = next
        }
    }

    /// One attempt, from the request to the row that tells of it.
    ///
    /// - Returns: how long the receiver took, and whether it answered.
    private func attempt(_ held: HeldDelivery) async -> (milliseconds: Int64, hasAnswered: Bool) {
        let delivery = held.delivery
        let settings = deployment().webhooks
        let start = clock.now()
        let signer = signer(of: delivery)
        var answer = Self.unsigned
        if let signer {
            answer = await sender.send(
                WebhookMessage(
                    delivery: delivery, signer: signer, attempt: delivery.attempts + 1, time: start.wall,
                    timeout: settings.timeout, headerPrefix: settings.headerPrefix))
        }
        // Cut off by the shutdown: the lease ends with this process, and the next one makes the attempt again.
        guard !Task.isCancelled else { return (0, false) }
        let end = clock.now()
        let milliseconds = end.monotonic - start.monotonic
        let attempt = DeliveryAttempt(
            number: delivery.attempts + 1, startedAt: start.wall, milliseconds: milliseconds,
            statusCode: answer.statusCode, error: answer.error?.limited(toBytes: Limits.errorTextBytes))
        let change = signer == nil ? .failed : change(after: answer, of: delivery, settings.retry, at: end.steady)
        let settlement = DeliverySettlement(
            number: delivery.number, lease: held.lease, attempt: attempt, change: change)
        let finding = (milliseconds, answer.statusCode != nil)
        guard await write([settlement]) else { return finding }
        note(delivery, attempt, change, at: end)
        // It is due before anything that the store has told of.
        if case .later = change { wake() }
        return finding
    }

    /// Nobody would believe a webhook that is signed with another secret: it is given up, and can be sent again.
    private static let unsigned = WebhookAnswer(
        statusCode: nil, error: "not sent: onComplete is not declared any more, and its secret not known")

    /// nil where its `onComplete` is not declared any more: with it went the secret.
    private func signer(of delivery: Delivery) -> WebhookSigner? {
        switch delivery.content.audience {
        case .function:
            guard let hook = deployment().policy(of: delivery.function)?.function.onComplete else { return nil }
            return hook.secret.map { .secret($0) } ?? .operator
        case .caller:
            guard let owner = delivery.owner else { return .job(delivery.job) }
            return owner == Job.adminOwner ? .operator : .account(owner)
        }
    }

    private func change(
        after answer: WebhookAnswer, of delivery: Delivery, _ retry: RetryPolicy, at now: Timestamp
    ) -> DeliverySettlement.Change {
        if answer.isDelivered { return .delivered }
        let used = delivery.used + 1
        guard !answer.endsAttempts, used < retry.attempts else { return .failed }
        var generator = SourceGenerator(source: random)
        let delay = retry.delay(afterFailures: used, atLeast: answer.retryAfter, using: &generator)
        return .later(at: now + delay)
    }

    private func note(
        _ delivery: Delivery, _ attempt: DeliveryAttempt, _ change: DeliverySettlement.Change, at now: Moment
    ) {
        state.withLock { state in
            switch change {
            case .delivered: state.counts.delivered += 1
            case .failed: state.counts.failed += 1
            case .later: state.counts.retried += 1
            }
        }
        var metadata: Logger.Metadata = [
            "job": "\(delivery.job)", "function": "\(delivery.function)", "attempt": "\(attempt.number)",
            "receiver": "\(URLOrigin(of: delivery.content.url))",
        ]
        if let error = attempt.error { metadata["error"] = "\(error)" }
        switch change {
        case .delivered: logger.debug("Webhook delivered", metadata: metadata)
        case .later(let due):
            metadata["next"] = "\(now.wallTime(of: due))"
            logger.debug("Webhook not delivered yet", metadata: metadata)
        case .failed:
            logger.warning(
                "Webhook given up; \"sluice jobs resend\" sends it again", metadata: metadata)
        }
    }

    /// Goes on trying while the store cannot write, until the shutdown: then the attempt is made again.
    ///
    /// What was settled is held no longer.
    private func write(_ settlements: [DeliverySettlement]) async -> Bool {
        defer {
            state.withLock { state in
                for settlement in settlements where state.held[settlement.number] == settlement.lease {
                    state.held[settlement.number] = nil
                }
            }
        }
        while true {
            do {
                return try await store.settleDeliveries(settlements).allSatisfy { $0 == .settled }
            } catch .closed {
                return false
            } catch {
                logger.error("Cannot write what became of webhooks", metadata: ["error": "\(error)"])
                guard !isDraining, !Task.isCancelled else { return false }
                try? await clock.sleep(untilMonotonic: clock.now().monotonic + Self.pauseMilliseconds)
            }
        }
    }

    private func nap(until due: Timestamp?, _ now: Moment) async {
        let nap = OneShot<Void>()
        let mayNap = state.withLock { state in
            if state.awake || state.draining { return false }
            state.nap = nap
            return true
        }
        guard mayNap else { return }
        let milliseconds = due.map { ($0 - now.steady).milliseconds } ?? Self.napMilliseconds
        let limit = now.monotonic + min(max(1, milliseconds), Self.napMilliseconds)
        _ = await nap.value(untilMonotonic: limit, clock: clock)
    }

    private func drain() async {
        let idle = OneShot<Void>()
        let now = clock.now().monotonic
        let isBusy = state.withLock { state in
            state.idle = idle
            // These have not begun: the next process sends them.
            for held in state.toStart { _ = state.slots.giveBack(held, hasAnswered: false, after: 0, at: now) }
            state.toStart = []
            return state.slots.taken > 0
        }
        guard isBusy else { return }
        _ = await idle.value(untilMonotonic: clock.now().monotonic + Self.graceMilliseconds, clock: clock)
    }
}
