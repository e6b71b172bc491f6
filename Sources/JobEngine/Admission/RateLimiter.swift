package import JobModel
internal import JobStore
private import Synchronization

/// Where a caller stands with one `rateLimit`.
package struct RateStatus: Equatable, Sendable {
    package var rule: RateLimit
    package var remaining: Int
    /// Whole seconds to the window's end.
    package var resetSeconds: Int64
}

/// The fixed windows of all `rateLimit` rules. They are written with the jobs that they count, so a restart finds them.
final class RateLimiter: Sendable {
    enum Answer: Sendable {
        case counted([RateWindow], [RateStatus])
        case refused(RateStatus)
    }

    private struct Entry {
        var window: FixedWindow
        var until: Timestamp
    }

    private let entries = Mutex<[Int64: Entry]>([:])

    /// - Parameter now: a window that was opened later (a clock was set back meanwhile) opens now: none is longer than its
    ///   rule says.
    func load(_ windows: [RateWindow], at now: Timestamp) {
        entries.withLock { entries in
            for window in windows {
                let openedAt = min(window.openedAt, now)
                entries[window.key] = Entry(
                    window: FixedWindow(openedAt: openedAt, used: window.used),
                    until: openedAt + (window.until - window.openedAt))
            }
        }
    }

    /// Counts a call in the windows of all rules, or in none when one of them is full.
    func take(_ rules: [RateLimit], keys: [Int64], at now: Timestamp) -> Answer {
        entries.withLock { entries in
            for (rule, key) in zip(rules, keys) {
                guard let window = entries[key]?.window, !window.hasRoom(rule, at: now) else { continue }
                return .refused(
                    RateStatus(rule: rule, remaining: 0, resetSeconds: window.resetSeconds(rule, at: now)))
            }
            var windows: [RateWindow] = []
            var statuses: [RateStatus] = []
            for (rule, key) in zip(rules, keys) {
                var window = entries[key]?.window ?? FixedWindow(openedAt: now)
                _ = window.take(rule, at: now)
                let until = window.openedAt + rule.per
                if entries[key] == nil, entries.count >= Limits.rateKeys { Self.makeRoom(&entries, at: now) }
                entries[key] = Entry(window: window, until: until)
                windows.append(RateWindow(key: key, openedAt: window.openedAt, until: until))
                statuses.append(
                    RateStatus(
                        rule: rule, remaining: window.remaining(rule), resetSeconds: window.resetSeconds(rule, at: now))
                )
            }
            return .counted(windows, statuses)
        }
    }

    /// The call was not accepted after all.
    func giveBack(_ windows: [RateWindow]) {
        entries.withLock { entries in
            for window in windows where entries[window.key]?.window.openedAt == window.openedAt {
                entries[window.key]?.window.giveBack()
            }
        }
    }

    var count: Int { entries.withLock { $0.count } }

    /// Forgets the windows that are over, then those that end soonest, until a quarter is free.
    private static func makeRoom(_ entries: inout [Int64: Entry], at now: Timestamp) {
        entries = entries.filter { $0.value.until > now }
        let keep = Limits.rateKeys * 3 / 4
        guard entries.count > keep else { return }
        let ends = entries.values.map(\.until).sorted()
        let limit = ends[ends.count - keep]
        entries = entries.filter { $0.value.until > limit }
    }
}
