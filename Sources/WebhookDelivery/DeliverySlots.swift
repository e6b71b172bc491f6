internal import JobModel

/// Which webhooks are under way and which wait, so that neither a receiver that hangs nor a signer that names many of them
/// holds up the others. A value: it decides.
///
/// A quarter of the slots is kept for `onComplete`. Callers without credentials have a quarter at most, all of them together.
/// Beyond that a signer takes three quarters of what the others left, and a receiver half. A slot that becomes free goes to the
/// signer with the fewest.
///
/// What would wait too long for its turn is not kept here, where it would take the room of others, but goes back to the store
/// until its turn may come.
struct DeliverySlots {
    /// Origins of which it is known that they have answered, about 2 MB; one that is forgotten has to answer once more.
    static let knownOrigins = 16_384

    enum Place: Equatable {
        /// Start now.
        case start
        /// It is kept, and handed out by `giveBack`.
        case wait
        /// It goes back to the store for so long.
        case stayAway(Duration)
    }

    private(set) var taken = 0
    private(set) var waiting = 0
    /// Those of callers among them.
    private var callers = Pace()
    private var waitingOfCallers = 0
    private var signers: [DeliverySigner: SignerQueue] = [:]
    private var receivers: [HeldDelivery.Receiver: ReceiverQueue] = [:]
    private var answered: Set<URLOrigin> = []
    private var turns: UInt64 = 0

    /// How many more are worth asking the store for, whoever they are of. None is no reason never to ask: there may be room for
    /// an `onComplete` behind them, or for a signer that has nothing yet.
    var room: Int {
        guard waiting > 0 else { return SlotBounds.total - SlotBounds.kept }
        // Those of signers that have nothing under way are few each, and would be in the way for as long as others hang.
        let hungry = signers.values.reduce(0) { $0 + ($1.pace.taken == 0 ? $1.waiting : 0) }
        let ofOnComplete = waiting - waitingOfCallers
        return max(
            0,
            SlotBounds.total - SlotBounds.kept - max(0, waitingOfCallers - hungry)
                - max(0, ofOnComplete - SlotBounds.kept))
    }

    // MARK: Placing

    mutating func place(_ held: HeldDelivery, at now: Int64) -> Place {
        var signer = signers[held.signer] ?? SignerQueue()
        var receiver =
            receivers[held.receiver] ?? ReceiverQueue(hasAnswered: answered.contains(held.receiver.origin))
        defer {
            // Nothing is remembered of whom nothing is under way or waiting: there is no end to them.
            signers[held.signer] = signer.isIdle ? nil : signer
            receivers[held.receiver] = receiver.isIdle ? nil : receiver
        }
        let mayReceive = receiver.mayStart(free: free(for: held.signer), at: now)
        let mayTake = hasRoom(for: held.signer, signer)
        if mayReceive, mayTake {
            start(held, &signer, &receiver, at: now)
            return .start
        }
        if receiver.keepsOneMore(at: now), mayWait(held.signer, signer, for: receiver, at: now) {
            turns += 1
            // Who comes now was served no longer ago than those that are here.
            if signer.isIdle { signer.turn = turns }
            signer.wait(held, arrival: turns)
            receiver.waiting += 1
            waiting += 1
            if held.signer != .onComplete { waitingOfCallers += 1 }
            return .wait
        }
        var pause = Duration.zero
        if !mayReceive || !receiver.keepsOneMore(at: now) { pause = receiver.pause(at: now) }
        if !mayTake || pause == .zero {
            // Who has nothing under way waits for others of its kind.
            let pace = signer.pace.taken > 0 ? signer.pace : callers
            pause = max(pause, signer.pace.pause(like: pace, width: pace.taken, at: now))
        }
        return .stayAway(pause)
    }

    private mutating func start(
        _ held: HeldDelivery, _ signer: inout SignerQueue, _ receiver: inout ReceiverQueue, at now: Int64
    ) {
        turns += 1
        signer.start(turn: turns, at: now)
        receiver.pace.start(at: now)
        taken += 1
        if held.signer != .onComplete { callers.start(at: now) }
    }

    /// Slots that a signer of this kind finds free.
    private func free(for name: DeliverySigner) -> Int {
        switch name {
        case .onComplete: SlotBounds.total - taken
        case .account, .anonymous: min(SlotBounds.total - taken, SlotBounds.total - SlotBounds.kept - callers.taken)
        }
    }

    private func hasRoom(for name: DeliverySigner, _ signer: SignerQueue) -> Bool {
        let free = free(for: name)
        guard free > 0 else { return false }
        return switch name {
        case .onComplete: signer.pace.taken < SlotBounds.kept || signer.pace.taken < 3 * free
        case .account: signer.pace.taken < SignerQueue.sure || signer.pace.taken < 3 * free
        case .anonymous: signer.pace.taken < SlotBounds.anonymous
        }
    }

    /// Who has nothing under way may always wait with one, and mostly with a few: it gets the next slots.
    private func mayWait(
        _ name: DeliverySigner, _ signer: SignerQueue, for receiver: ReceiverQueue, at now: Int64
    ) -> Bool {
        if signer.isIdle { return waiting < 2 * SlotBounds.total }
        guard signer.pace.taken > 0 else { return signer.waiting < SignerQueue.hungry && waiting < SlotBounds.total }
        guard signer.pace.keepsOneMore(behind: signer.waiting, width: signer.pace.taken, at: now) else { return false }
        // What waits for receivers that may never answer takes the room of others for a second.
        if !receiver.hasAnswered {
            let unknown = signer.waiting { receivers[$0].map { !$0.hasAnswered } ?? false }
            guard unknown < SignerQueue.waitingUnknown else { return false }
        }
        return switch name {
        case .onComplete: waiting < SlotBounds.total
        case .account, .anonymous: waitingOfCallers < SlotBounds.total - SlotBounds.kept
        }
    }

    // MARK: Ends

    /// One has ended: what starts now, of whoever waits.
    ///
    /// - Parameters:
    ///   - hasAnswered: whether its receiver answered, with any status.
    ///   - milliseconds: how long it took.
    mutating func giveBack(
        _ held: HeldDelivery, hasAnswered: Bool, after milliseconds: Int64, at now: Int64
    ) -> [HeldDelivery] {
        taken -= 1
        if held.signer != .onComplete { callers.ended(after: milliseconds, at: now) }
        signers[held.signer]?.pace.ended(after: milliseconds, at: now)
        receivers[held.receiver]?.pace.ended(after: milliseconds, at: now)
        if hasAnswered { remember(held.receiver.origin) }
        var starting: [HeldDelivery] = []
        while let next = startNext(at: now) { starting.append(next) }
        if signers[held.signer]?.isIdle ?? false { signers[held.signer] = nil }
        if receivers[held.receiver]?.isIdle ?? false { receivers[held.receiver] = nil }
        return starting
    }

    private mutating func remember(_ origin: URLOrigin) {
        guard answered.insert(origin).inserted else { return }
        if answered.count > Self.knownOrigins, let other = answered.first(where: { $0 != origin }) {
            answered.remove(other)
        }
        for isOnComplete in [false, true] {
            receivers[HeldDelivery.Receiver(origin: origin, isOnComplete: isOnComplete)]?.hasAnswered = true
        }
    }

    private mutating func startNext(at now: Int64) -> HeldDelivery? {
        guard let (name, place) = next(at: now), var signer = signers[name], var receiver = receivers[place],
            let held = signer.takeFirst(for: place)
        else { return nil }
        receiver.waiting -= 1
        waiting -= 1
        if name != .onComplete { waitingOfCallers -= 1 }
        start(held, &signer, &receiver, at: now)
        signers[name] = signer
        receivers[place] = receiver
        return held
    }

    /// Whose webhook may start now: of the signer with the fewest under way, then of the one that was served longest ago.
    func next(at now: Int64) -> (signer: DeliverySigner, receiver: HeldDelivery.Receiver)? {
        guard waiting > 0 else { return nil }
        let candidates = signers.filter { $0.value.waiting > 0 && hasRoom(for: $0.key, $0.value) }.sorted {
            ($0.value.pace.taken, $0.value.turn) < ($1.value.pace.taken, $1.value.turn)
        }
        for (name, signer) in candidates {
            let free = free(for: name)
            let place = signer.next { receivers[$0]?.mayStart(free: free, at: now) ?? false }
            if let place { return (name, place) }
        }
        return nil
    }

    // MARK: Going back

    /// What waits where nothing moves any more: it goes back to the store, each for so long.
    mutating func retreat(at now: Int64) -> [(held: HeldDelivery, pause: Duration)] {
        guard waiting > 0 else { return [] }
        var retreating: [(HeldDelivery, Duration)] = []
        for (name, var signer) in signers where signer.waiting > 0 {
            let isStuck = signer.pace.isStuck(at: now)
            let gone = signer.takeWaiting { isStuck || receivers[$0]?.pace.isStuck(at: now) ?? false }
            for held in gone {
                receivers[held.receiver]?.waiting -= 1
                let pause = isStuck ? signer.pace.pause(width: signer.pace.taken, at: now) : .zero
                retreating.append((held, max(pause, receivers[held.receiver]?.pause(at: now) ?? .zero)))
                if receivers[held.receiver]?.isIdle ?? false { receivers[held.receiver] = nil }
            }
            waiting -= gone.count
            if name != .onComplete { waitingOfCallers -= gone.count }
            signers[name] = signer.isIdle ? nil : signer
        }
        return retreating
    }

    /// Nothing that waits is started any more: the server shuts down, and the next one does.
    mutating func dropWaiting() {
        for (name, var signer) in signers {
            for held in signer.takeWaiting(where: { _ in true }) {
                receivers[held.receiver]?.waiting -= 1
                if receivers[held.receiver]?.isIdle ?? false { receivers[held.receiver] = nil }
            }
            signers[name] = signer.isIdle ? nil : signer
        }
        (waiting, waitingOfCallers) = (0, 0)
    }
}
