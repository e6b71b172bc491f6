internal import JobModel

/// Which webhooks are under way and which wait for their receiver, so that one that hangs or is slow does not hold up the
/// others. A value: it decides.
///
/// A receiver may have as many under way as there are free slots, however many others there are. What would wait too long for
/// its turn is not kept here, where it would take the room of others, but goes back to the store until its turn may come.
struct DeliverySlots {
    static let total = 256
    /// A receiver that takes longer than this gets no more than that.
    static let slowMilliseconds: Int64 = 5000

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
    private var receivers: [URLOrigin: ReceiverQueue] = [:]

    /// How many more are worth asking the store for.
    var room: Int { max(0, Self.total - taken - waiting) }

    mutating func place(_ held: HeldDelivery, at now: Int64) -> Place {
        let name = URLOrigin(of: held.delivery.content.url)
        var receiver = receivers[name] ?? ReceiverQueue(since: now)
        defer { receivers[name] = receiver }
        if mayStart(receiver, at: now) {
            receiver.start(at: now)
            taken += 1
            return .start
        }
        guard receiver.keepsOneMore(at: now) else { return .stayAway(receiver.pause(at: now)) }
        receiver.wait(held)
        waiting += 1
        return .wait
    }

    private func mayStart(_ receiver: ReceiverQueue, at now: Int64) -> Bool {
        guard taken < Self.total else { return false }
        if receiver.taken < ReceiverQueue.sure { return true }
        return receiver.taken < Self.total - taken && receiver.milliseconds(at: now) < Self.slowMilliseconds
    }

    /// One has ended after so many milliseconds: what may start in its place, of its receiver or of another that waits.
    mutating func giveBack(_ url: String, after milliseconds: Int64, at now: Int64) -> HeldDelivery? {
        let name = URLOrigin(of: url)
        taken -= 1
        receivers[name]?.ended(after: milliseconds, at: now)
        defer { forgetIfIdle(name) }
        guard waiting > 0 else { return nil }
        if let own = next(name, at: now) { return own }
        for other in receivers.keys {
            if let next = next(other, at: now) { return next }
        }
        return nil
    }

    private mutating func next(_ name: URLOrigin, at now: Int64) -> HeldDelivery? {
        guard let receiver = receivers[name], mayStart(receiver, at: now), let first = receivers[name]?.next() else {
            return nil
        }
        waiting -= 1
        receivers[name]?.start(at: now)
        taken += 1
        return first
    }

    /// What waits for a receiver that has become slow: it goes back to the store, each for so long.
    mutating func retreat(at now: Int64) -> [(held: HeldDelivery, pause: Duration)] {
        guard waiting > 0 else { return [] }
        var retreating: [(HeldDelivery, Duration)] = []
        for (name, var receiver) in receivers where receiver.isStuck(at: now) {
            for held in receiver.takeWaiting() { retreating.append((held, receiver.pause(at: now))) }
            receivers[name] = receiver
        }
        waiting -= retreating.count
        return retreating
    }

    private mutating func forgetIfIdle(_ name: URLOrigin) {
        if receivers[name]?.isIdle ?? false { receivers[name] = nil }
    }

    /// Nothing that waits is started any more: the server shuts down, and the next one does.
    mutating func dropWaiting() {
        for name in receivers.keys { _ = receivers[name]?.takeWaiting() }
        waiting = 0
    }
}
