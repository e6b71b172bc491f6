private import Glibc

/// Milliseconds of a clock that nobody sets (clock_gettime(2), CLOCK_MONOTONIC).
enum MonotonicTime {
    static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
