/// What a limit counts by; a limit without one counts all calls of its function together.
package enum LimitKey: Hashable, Sendable {
    /// The account; whoever has none counts by address.
    case account
    /// The address: IPv4 as it is, IPv6 by its /64.
    case ip
    /// A value of payload or parameters; calls without it share one key.
    case value(ValuePath)
}

/// Refuses at the door: at most so many accepted calls in a window that opens with a key's first call.
package struct RateLimit: Hashable, Sendable {
    package var limit: Int
    package var per: Duration
    package var key: LimitKey?

    package init(limit: Int, per: Duration, key: LimitKey? = nil) {
        self.limit = limit
        self.per = per
        self.key = key
    }
}

/// Paces starts: `limit` in `per`, evenly, after a burst.
package struct Throttle: Hashable, Sendable {
    package var limit: Int
    package var per: Duration
    /// Starts that may come at once; at least 1.
    package var burst: Int
    package var key: LimitKey?

    package init(limit: Int, per: Duration, burst: Int = 1, key: LimitKey? = nil) {
        self.limit = limit
        self.per = per
        self.burst = burst
        self.key = key
    }
}

/// Bounds how many attempts run at once.
package struct ConcurrencyLimit: Hashable, Sendable {
    package var limit: Int
    package var key: LimitKey?

    package init(limit: Int, key: LimitKey? = nil) {
        self.limit = limit
        self.key = key
    }
}

/// A function's limits. Of each kind all must pass.
package struct FunctionLimits: Hashable, Sendable {
    package var rate: [RateLimit] = []
    package var throttle: [Throttle] = []
    package var concurrency: [ConcurrencyLimit] = []
    /// Queued jobs of the function; past it calls are refused.
    package var maxQueued = 100_000

    package init() {}

    /// Whether some key is a value of the payload, so that it has to be parsed.
    package var needPayload: Bool {
        (rate.map(\.key) + throttle.map(\.key) + concurrency.map(\.key)).contains { key in
            if case .value(let path)? = key { path.root == .payload } else { false }
        }
    }

    /// Whether the caller's address has to be kept with the job, for a limit that counts by it when the job starts.
    package var needClient: Bool {
        (throttle.map(\.key) + concurrency.map(\.key)).contains { $0 == .ip || $0 == .account }
    }
}

/// A window of a `rateLimit`: it opens with the first accepted call and forgets all of them at its end.
package struct FixedWindow: Equatable, Sendable {
    package private(set) var openedAt: Timestamp
    package private(set) var used: Int

    package init(openedAt: Timestamp, used: Int = 0) {
        self.openedAt = openedAt
        self.used = used
    }

    package func isOver(_ rule: RateLimit, at now: Timestamp) -> Bool { now >= openedAt + rule.per }

    package func hasRoom(_ rule: RateLimit, at now: Timestamp) -> Bool { isOver(rule, at: now) || used < rule.limit }

    /// Counts a call, in a new window when this one is over; false when it is full.
    package mutating func take(_ rule: RateLimit, at now: Timestamp) -> Bool {
        if isOver(rule, at: now) { self = FixedWindow(openedAt: now) }
        guard used < rule.limit else { return false }
        used += 1
        return true
    }

    /// A call that was counted and then not accepted.
    package mutating func giveBack() { used = max(0, used - 1) }

    package func remaining(_ rule: RateLimit) -> Int { max(0, rule.limit - used) }

    /// Whole seconds to the end, at least 1, never more than the rule's.
    package func resetSeconds(_ rule: RateLimit, at now: Timestamp) -> Int64 {
        max(1, min(openedAt + rule.per - now, rule.per).secondsRoundedUp)
    }
}

/// The Generic Cell Rate Algorithm (ITU-T I.371, annex A): one number a key, the theoretical arrival time, in
/// nanoseconds of a monotonic clock.
package struct CellRate: Equatable, Sendable {
    private var arrival: Int64 = .min

    package init() {}

    private static func interval(_ rule: Throttle) -> Int64 {
        min(rule.per.nanoseconds, .max / 8) / Int64(max(1, rule.limit))
    }

    /// The clock that starts go by has milliseconds, and whoever waits wakes a few of them late: rates above a hundred a
    /// second come in groups of this length.
    private static let grain: Int64 = 10_000_000

    private static func burst(_ rule: Throttle) -> Int64 {
        max(Int64(max(1, rule.burst)), grain / max(1, interval(rule)))
    }

    private static func tolerance(_ rule: Throttle) -> Int64 {
        let (product, overflow) = interval(rule).multipliedReportingOverflow(by: burst(rule) - 1)
        return overflow ? .max / 4 : min(product, .max / 4)
    }

    /// When the next start conforms: now or later.
    package func nextStart(_ rule: Throttle, at now: Int64) -> Int64 {
        max(now, max(now, arrival) - Self.tolerance(rule))
    }

    /// How many starts conform now.
    package func available(_ rule: Throttle, at now: Int64) -> Int {
        let interval = Self.interval(rule)
        guard interval > 0 else { return rule.burst }
        let slack = now + Self.tolerance(rule) - max(now, arrival)
        return slack < 0 ? 0 : Int(min(Self.burst(rule), slack / interval + 1))
    }

    /// Notes a start. It counts even when it does not conform.
    package mutating func start(_ rule: Throttle, at now: Int64) {
        arrival = min(max(now, arrival), .max / 4) + Self.interval(rule)
    }

    /// A start that was noted and did not happen.
    package mutating func giveBack(_ rule: Throttle) {
        if arrival != .min { arrival -= Self.interval(rule) }
    }

    /// The same starts under another rule: as many are left as before, and nobody waits longer than the new rule makes
    /// anybody wait. So a reload neither gives a burst away nor keeps an old wait.
    package func converted(from former: Throttle, to rule: Throttle, at now: Int64) -> CellRate {
        guard arrival > now else { return self }
        var cell = self
        let interval = Self.interval(rule)
        let left = available(former, at: now)
        if left > 0 {
            let kept = Int64(min(left, Int(Self.burst(rule))))
            cell.arrival = now + Self.tolerance(rule) - (kept - 1) * interval
        } else {
            let wait = min(nextStart(former, at: now) - now, interval)
            cell.arrival = now + Self.tolerance(rule) + wait
        }
        return cell
    }

    /// Nothing is remembered any more: a fresh value would behave the same.
    package func isIdle(at now: Int64) -> Bool { arrival <= now }
}

extension Duration {
    /// Whole nanoseconds, clamped to Int64.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }
}
