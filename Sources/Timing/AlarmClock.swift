private import HeapModule
package import JobModel
private import Platform
private import Synchronization

/// Rings at given times, from one thread.
///
/// Most sleeps and alarms of the engine are timeouts that are taken back long before they are over. `Task.sleep` keeps the
/// timer of a cancelled sleep until it would have fired: at 9,000 jobs a second with a timeout of 30 s that is a heap of
/// 270,000 timers. Here they are forgotten at once.
package final class AlarmClock: Sendable {
    package static let shared = AlarmClock()

    private struct Alarm: Comparable {
        var due: Int64
        var id: AlarmID

        static func < (left: Alarm, right: Alarm) -> Bool { (left.due, left.id) < (right.due, right.id) }
    }

    private struct State {
        var alarms: Heap<Alarm> = []
        /// Those that somebody still waits for.
        var rings: [AlarmID: (due: Int64, ring: @Sendable () -> Void)] = [:]
        var lastID: UInt64 = 0
        /// When the thread looks again by itself.
        var looksAt = Int64.max

        mutating func dropDismissed() {
            guard alarms.count > 2 * rings.count + 64 else { return }
            alarms = Heap(rings.map { Alarm(due: $1.due, id: $0) })
        }
    }

    private let state = Mutex(State())
    private let changed = Doorbell()

    private init() {
        NamedThread.start("sluice-alarms") { [self] in
            while true { wait(until: ring()) }
        }
    }

    /// - Parameter due: milliseconds of the monotonic clock.
    package func set(for due: Int64, _ ring: @escaping @Sendable () -> Void) -> AlarmID {
        let (id, isFirst) = state.withLock { state in
            state.lastID += 1
            let id = AlarmID(state.lastID)
            state.rings[id] = (due, ring)
            state.alarms.insert(Alarm(due: due, id: id))
            defer { state.looksAt = min(state.looksAt, due) }
            return (id, due < state.looksAt)
        }
        if isFirst { changed.ring() }
        return id
    }

    /// False when it has rung.
    package func dismiss(_ id: AlarmID) -> Bool {
        // What the ring holds is let go outside the lock.
        let ring = state.withLock { state in
            defer { state.dropDismissed() }
            return state.rings.removeValue(forKey: id)
        }
        return ring != nil
    }

    /// Returns at this time of the monotonic clock, in milliseconds, or throws when the task is cancelled before.
    package func sleep(until due: Int64) async throws {
        try Task.checkCancellation()
        let wake = OneShot<Void>()
        let id = set(for: due) { wake.set(()) }
        guard await wake.value() == nil else { return }
        _ = dismiss(id)
        throw CancellationError()
    }

    /// How many are awaited now, and how many alarms are kept for them.
    package var counts: (awaited: Int, alarms: Int) { state.withLock { ($0.rings.count, $0.alarms.count) } }

    /// Rings where the time has come; when the next one comes.
    private func ring() -> Int64 {
        let now = Uptime.nanoseconds() / 1_000_000
        let (due, next) = state.withLock { state in
            var due: [@Sendable () -> Void] = []
            while let first = state.alarms.min, first.due <= now || state.rings[first.id] == nil {
                state.alarms.removeMin()
                if let alarm = state.rings.removeValue(forKey: first.id) { due.append(alarm.ring) }
            }
            state.looksAt = state.alarms.min?.due ?? .max
            return (due, state.looksAt)
        }
        for ring in due { ring() }
        return next
    }

    private func wait(until due: Int64) {
        // An hour at most: sums with a clock must not overflow.
        changed.wait(until: min(due, Uptime.nanoseconds() / 1_000_000 + 3_600_000) * 1_000_000)
    }
}
