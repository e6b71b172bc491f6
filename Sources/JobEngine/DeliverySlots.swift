internal import DequeModule
internal import JobModel

/// Which webhooks are under way and which wait for their receiver, so that one that hangs does not hold up the others: a
/// receiver may have as many under way as there are free slots, however many others there are. A value: it decides.
struct DeliverySlots {
    static let total = 256
    /// What a receiver may have in any case.
    static let perReceiver = 16
    /// So many of one receiver are held ready; what is beyond goes back to the store for a while.
    static let waitingPerReceiver = 512

    enum Place: Equatable {
        /// Start now.
        case start
        /// It is kept, and handed out by `giveBack`.
        case wait
        /// Its receiver has too many: it should stay away so long.
        case stayAway(Duration)
    }

    private struct Waiting {
        var delivery: Delivery
        /// When its lease is over, in milliseconds of the monotonic clock: then the store hands it out again.
        var until: Int64
    }

    private struct Receiver {
        var taken = 0
        var waiting: Deque<Waiting> = []
    }

    private(set) var taken = 0
    private(set) var waiting = 0
    private var receivers: [String: Receiver] = [:]

    /// How many more are worth asking the store for.
    var room: Int { max(0, Self.total - taken - waiting) }

    /// - Parameter until: when its lease is over, in milliseconds of the monotonic clock.
    mutating func place(_ delivery: Delivery, until: Int64) -> Place {
        let name = Self.receiver(of: delivery.content.url)
        if mayStart(receivers[name]) {
            receivers[name, default: Receiver()].taken += 1
            taken += 1
            return .start
        }
        guard (receivers[name]?.waiting.count ?? 0) < Self.waitingPerReceiver else {
            return .stayAway(.seconds(5))
        }
        receivers[name, default: Receiver()].waiting.append(Waiting(delivery: delivery, until: until))
        waiting += 1
        return .wait
    }

    private func mayStart(_ receiver: Receiver?) -> Bool {
        let own = receiver?.taken ?? 0
        return taken < Self.total && (own < Self.perReceiver || own < Self.total - taken)
    }

    /// One has ended: what may start in its place, of its receiver or of another that waits.
    mutating func giveBack(_ url: String, at now: Int64) -> Delivery? {
        let name = Self.receiver(of: url)
        taken -= 1
        receivers[name]?.taken -= 1
        defer { forgetIfIdle(name) }
        guard waiting > 0 else { return nil }
        if let own = next(name, at: now) { return own }
        for other in receivers.keys {
            if let next = next(other, at: now) { return next }
        }
        return nil
    }

    private mutating func next(_ name: String, at now: Int64) -> Delivery? {
        while mayStart(receivers[name]), let first = receivers[name]?.waiting.popFirst() {
            waiting -= 1
            guard first.until > now else { continue }
            receivers[name]?.taken += 1
            taken += 1
            return first.delivery
        }
        return nil
    }

    private mutating func forgetIfIdle(_ name: String) {
        if let receiver = receivers[name], receiver.taken == 0, receiver.waiting.isEmpty { receivers[name] = nil }
    }

    /// Nothing that waits is started any more: the server shuts down, and the next one does.
    mutating func dropWaiting() {
        for name in receivers.keys { receivers[name]?.waiting = [] }
        waiting = 0
    }

    /// Scheme, host and port.
    static func receiver(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        let rest = url[scheme.upperBound...]
        return url[..<scheme.upperBound] + rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }.lowercased()
    }
}
