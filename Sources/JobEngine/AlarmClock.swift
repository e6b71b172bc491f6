private import Dispatch
private import Foundation
private import HeapModule
private import JobModel
private import Synchronization

/// Wakes sleepers at their time, from one thread.
///
/// Most sleeps of the engine are timeouts that are cancelled long before they are over. `Task.sleep` keeps the timer of a
/// cancelled sleep until it would have fired: at 9,000 jobs a second with a timeout of 30 s that is a heap of 270,000
/// timers. Here a cancelled sleep is forgotten at once.
final class AlarmClock: Sendable {
    static let shared = AlarmClock()

    private struct Alarm: Comparable {
        var due: Int64
        var id: UInt64

        static func < (left: Alarm, right: Alarm) -> Bool { left.due < right.due }
    }

    private struct State {
        var alarms: Heap<Alarm> = []
        /// Those that somebody still waits for.
        var sleepers: [UInt64: (due: Int64, wake: OneShot<Void>)] = [:]
        var lastID: UInt64 = 0
        /// When the thread looks again by itself.
        var looksAt = Int64.max

        mutating func dropCancelled() {
            guard alarms.count > 2 * sleepers.count + 64 else { return }
            alarms = Heap(sleepers.map { Alarm(due: $1.due, id: $0) })
        }
    }

    private let state = Mutex(State())
    private let changed = DispatchSemaphore(value: 0)

    private init() {
        let thread = Thread { [self] in
            while true { wait(until: ring()) }
        }
        thread.name = "sluice-alarms"
        thread.start()
    }

    /// Returns at this time of the monotonic clock, in milliseconds, or throws when the task is cancelled before.
    func sleep(until due: Int64) async throws {
        try Task.checkCancellation()
        let wake = OneShot<Void>()
        let (id, isFirst) = state.withLock { state in
            state.lastID += 1
            state.sleepers[state.lastID] = (due, wake)
            state.alarms.insert(Alarm(due: due, id: state.lastID))
            defer { state.looksAt = min(state.looksAt, due) }
            return (state.lastID, due < state.looksAt)
        }
        if isFirst { changed.signal() }
        guard await wake.value() == nil else { return }
        state.withLock { state in
            state.sleepers[id] = nil
            state.dropCancelled()
        }
        throw CancellationError()
    }

    /// How many sleep now, and how many alarms are kept for them.
    var counts: (sleepers: Int, alarms: Int) { state.withLock { ($0.sleepers.count, $0.alarms.count) } }

    /// Wakes those whose time has come; when the next one comes.
    private func ring() -> Int64 {
        let now = SystemClock.uptime() / 1_000_000
        let (due, next) = state.withLock { state in
            var due: [OneShot<Void>] = []
            while let first = state.alarms.min, first.due <= now || state.sleepers[first.id] == nil {
                state.alarms.removeMin()
                if let sleeper = state.sleepers.removeValue(forKey: first.id) { due.append(sleeper.wake) }
            }
            state.looksAt = state.alarms.min?.due ?? .max
            return (due, state.looksAt)
        }
        for wake in due { wake.set(()) }
        return next
    }

    private func wait(until due: Int64) {
        // An hour at most: sums with a clock must not overflow.
        let now = SystemClock.uptime()
        let nanoseconds = min(due, now / 1_000_000 + 3_600_000) * 1_000_000 - now
        _ = changed.wait(timeout: .now() + .nanoseconds(Int(clamping: max(0, nanoseconds))))
    }
}
