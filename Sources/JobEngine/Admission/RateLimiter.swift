internal import DequeModule
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

    /// What an opened window looks at to make room: event loops take this lock, so nothing here walks over all keys.
    static let looks = 4

    private let table: Mutex<RateTable>

    /// - Parameter limit: windows that are held at once.
    init(limit: Int = Limits.rateKeys) { table = Mutex(RateTable(limit: limit)) }

    /// - Parameter now: a window that was opened later (a clock was set back meanwhile) opens now: none is longer than its
    ///   rule says.
    func load(_ windows: [RateWindow], at now: Timestamp) {
        table.withLock { table in
            for window in windows {
                let openedAt = min(window.openedAt, now)
                table.set(
                    window.key, FixedWindow(openedAt: openedAt, used: window.used),
                    until: openedAt + (window.until - window.openedAt), at: now)
            }
        }
    }

    /// Counts a call in the windows of all rules, or in none when one of them is full.
    func take(_ rules: [RateLimit], keys: [Int64], at now: Timestamp) -> Answer {
        if rules.isEmpty { return .counted([], []) }
        return table.withLock { table in
            for (rule, key) in zip(rules, keys) {
                guard let window = table[key], !window.hasRoom(rule, at: now) else { continue }
                return .refused(
                    RateStatus(rule: rule, remaining: 0, resetSeconds: window.resetSeconds(rule, at: now)))
            }
            var windows: [RateWindow] = []
            var statuses: [RateStatus] = []
            for (rule, key) in zip(rules, keys) {
                var window = table[key] ?? FixedWindow(openedAt: now)
                _ = window.take(rule, at: now)
                let until = window.openedAt + rule.per
                table.set(key, window, until: until, at: now)
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
        if windows.isEmpty { return }
        table.withLock { table in
            for window in windows { table.giveBack(window) }
        }
    }

    var count: Int { table.withLock { $0.count } }

    /// How many windows were looked at to make room: a test bounds it.
    var looked: Int { table.withLock { $0.looked } }
}

/// Windows by key. Those that are over are found in turn, a few for each that is opened; past the limit the one goes that was
/// looked at longest ago, which only admits more.
private struct RateTable: Sendable {
    private struct Entry {
        var window: FixedWindow
        var until: Timestamp
    }

    private let limit: Int
    private var entries: [Int64: Entry] = [:]
    /// Every key once, the one that was looked at longest ago first.
    private var turns: Deque<Int64> = []
    private(set) var looked = 0

    init(limit: Int) { self.limit = max(1, limit) }

    var count: Int { entries.count }

    subscript(key: Int64) -> FixedWindow? { entries[key]?.window }

    mutating func set(_ key: Int64, _ window: FixedWindow, until: Timestamp, at now: Timestamp) {
        if entries.updateValue(Entry(window: window, until: until), forKey: key) != nil { return }
        makeRoom(at: now)
        turns.append(key)
    }

    mutating func giveBack(_ window: RateWindow) {
        guard entries[window.key]?.window.openedAt == window.openedAt else { return }
        entries[window.key]?.window.giveBack()
    }

    /// For a key that is not among the turns yet.
    private mutating func makeRoom(at now: Timestamp) {
        for _ in 0..<RateLimiter.looks {
            guard let key = turns.popFirst() else { return }
            looked += 1
            let isOver = entries[key].map { $0.until <= now } ?? true
            if isOver || entries.count > limit { entries[key] = nil } else { turns.append(key) }
        }
    }
}
