private import Glibc

/// The monotonic clock, which nobody sets and which stands still while the machine is suspended (clock_gettime(2)).
package enum Uptime {
    package static func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
