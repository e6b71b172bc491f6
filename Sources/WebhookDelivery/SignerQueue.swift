internal import DequeModule

/// What one signer has under way, and its webhooks that wait, by receiver.
struct SignerQueue {
    /// What a signer may have under way wherever its kind has room.
    static let sure = 16
    /// What may wait while nothing is under way.
    static let hungry = 4
    /// What may wait for receivers that have never answered.
    static let waitingUnknown = 64

    private struct Entry {
        var held: HeldDelivery
        /// Rises with everything that waits.
        var arrival: UInt64
    }

    var pace = Pace()
    /// The number of its latest start: who was served longest ago comes first.
    var turn: UInt64 = 0
    private(set) var waiting = 0
    private var lines: [HeldDelivery.Receiver: Deque<Entry>] = [:]

    var isIdle: Bool { pace.taken == 0 && waiting == 0 }

    mutating func start(turn: UInt64, at now: Int64) {
        self.turn = turn
        pace.start(at: now)
    }

    mutating func wait(_ held: HeldDelivery, arrival: UInt64) {
        lines[held.receiver, default: []].append(Entry(held: held, arrival: arrival))
        waiting += 1
    }

    /// The receiver whose webhook has waited longest, of those that may have one more.
    func next(where isAllowed: (HeldDelivery.Receiver) -> Bool) -> HeldDelivery.Receiver? {
        var best: (receiver: HeldDelivery.Receiver, arrival: UInt64)?
        for (receiver, line) in lines {
            guard let first = line.first, first.arrival < best?.arrival ?? .max, isAllowed(receiver) else { continue }
            best = (receiver, first.arrival)
        }
        return best?.receiver
    }

    /// How many wait for these receivers.
    func waiting(where isMeant: (HeldDelivery.Receiver) -> Bool) -> Int {
        lines.reduce(0) { $0 + (isMeant($1.key) ? $1.value.count : 0) }
    }

    mutating func takeFirst(for receiver: HeldDelivery.Receiver) -> HeldDelivery? {
        guard let first = lines[receiver]?.popFirst() else { return nil }
        if lines[receiver]?.isEmpty == true { lines[receiver] = nil }
        waiting -= 1
        return first.held
    }

    /// Everything that waits for these receivers.
    mutating func takeWaiting(where isGone: (HeldDelivery.Receiver) -> Bool) -> [HeldDelivery] {
        var taken: [HeldDelivery] = []
        for (receiver, line) in lines where isGone(receiver) {
            taken += line.map(\.held)
            lines[receiver] = nil
        }
        waiting -= taken.count
        return taken
    }
}
