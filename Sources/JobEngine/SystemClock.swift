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
        // A sleep for ever is a long one, repeated: the sum of clock and duration must not overflow.
        let longest: Int64 = 86_400_000
        while true {
            let left = milliseconds - Self.milliseconds(CLOCK_MONOTONIC)
            guard left > 0 else { return }
            try await Task.sleep(for: .milliseconds(min(left, longest)))
        }
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
