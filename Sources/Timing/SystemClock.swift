private import Glibc
package import JobModel
private import Synchronization

/// The machine's clocks. One clock serves a whole engine: its steady time begins where the clock was made.
package final class SystemClock: EngineClock {
    /// The wall clock is said to be another one when it has moved by this much against the steady one, in milliseconds.
    private static let step: Int64 = 1000

    /// What makes steady time of the time since boot. CLOCK_BOOTTIME is never set, and goes on while a machine is suspended
    /// (clock_gettime(2)): delays of hours are over when a laptop wakes up.
    private let origin: Atomic<Int64>
    /// As `Moment.offset`, in milliseconds.
    private let offset: Atomic<Int64>

    package init() {
        origin = Atomic(Self.milliseconds(CLOCK_REALTIME) - Self.milliseconds(CLOCK_BOOTTIME))
        offset = Atomic(0)
    }

    package func now() -> Moment {
        let wall = Self.milliseconds(CLOCK_REALTIME)
        let steady = origin.load(ordering: .relaxed) + Self.milliseconds(CLOCK_BOOTTIME)
        var known = offset.load(ordering: .relaxed)
        if abs(wall - steady - known) >= Self.step {
            known = wall - steady
            offset.store(known, ordering: .relaxed)
        }
        return Moment(
            wall: Timestamp(milliseconds: wall), monotonic: Self.milliseconds(CLOCK_MONOTONIC),
            steady: Timestamp(milliseconds: steady), offset: .milliseconds(known))
    }

    package func resume(from steady: Timestamp, offset: Duration) {
        let known = Timestamp(milliseconds: Self.milliseconds(CLOCK_REALTIME)) + (.zero - offset)
        self.offset.store(offset.milliseconds, ordering: .relaxed)
        origin.store(
            max(known, steady).milliseconds - Self.milliseconds(CLOCK_BOOTTIME), ordering: .relaxed)
    }

    package func sleep(untilMonotonic milliseconds: Int64) async throws {
        guard milliseconds > Self.milliseconds(CLOCK_MONOTONIC) else { return }
        try await AlarmClock.shared.sleep(until: milliseconds)
    }

    package func alarm(atMonotonic milliseconds: Int64, _ ring: @escaping @Sendable () -> Void) -> AlarmID {
        AlarmClock.shared.set(for: milliseconds, ring)
    }

    package func dismiss(_ id: AlarmID) { _ = AlarmClock.shared.dismiss(id) }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
