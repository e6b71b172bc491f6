internal import JobModel

/// How many webhooks may be under way, in all and to one receiver, so that one that hangs does not hold up the others.
struct DeliverySlots {
    static let total = 256
    static let perReceiver = 32

    private(set) var taken = 0
    private var byReceiver: [String: Int] = [:]
    /// Turned away since the last round, by receiver.
    private var turnedAway: [String: Int] = [:]

    var free: Int { Self.total - taken }
    /// How many receivers have something under way.
    var receivers: Int { byReceiver.count }

    /// Nil when the delivery may start now; else how long it should stay away: the longer the more of its receiver wait.
    mutating func take(_ url: String) -> Duration? {
        let receiver = Self.receiver(of: url)
        guard taken < Self.total, byReceiver[receiver, default: 0] < Self.perReceiver else {
            turnedAway[receiver, default: 0] += 1
            return .seconds(min(30, 1 + turnedAway[receiver, default: 0] / Self.perReceiver))
        }
        taken += 1
        byReceiver[receiver, default: 0] += 1
        return nil
    }

    mutating func giveBack(_ url: String) {
        let receiver = Self.receiver(of: url)
        taken -= 1
        let left = byReceiver[receiver, default: 1] - 1
        byReceiver[receiver] = left > 0 ? left : nil
        if left <= 0 { turnedAway[receiver] = nil }
    }

    /// Scheme, host and port.
    static func receiver(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        let rest = url[scheme.upperBound...]
        return url[..<scheme.upperBound] + rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }.lowercased()
    }
}
