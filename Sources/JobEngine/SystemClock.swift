private import Glibc
package import JobModel

/// The machine's clocks.
package struct SystemClock: EngineClock {
    package init() {}

    package func now() -> Moment {
        Moment(
            wall: Timestamp(milliseconds: Self.milliseconds(CLOCK_REALTIME)),
            monotonic: Self.milliseconds(CLOCK_MONOTONIC))
    }

    /// Nanoseconds of the monotonic clock.
    package static func uptime() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
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
