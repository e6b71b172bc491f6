private import Glibc

/// Where one thread waits until somebody rings, or until a time of the monotonic clock.
///
/// The timed waits of Dispatch and Foundation do not wait for a span on Linux: `DispatchSemaphore.wait(timeout:)` is
/// sem_timedwait(3) and `NSCondition.wait(until:)` pthread_cond_timedwait(3), both until a time of CLOCK_REALTIME. When that is
/// set back by an hour, they last an hour longer. A condition can be told to go by another clock.
package final class Doorbell: @unchecked Sendable {  // `mutex` protects `hasRung`; the pointers never change.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var hasRung = false

    package init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Ends the wait, or the next one when nobody waits. Several rings may end one wait.
    package func ring() {
        pthread_mutex_lock(mutex)
        hasRung = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Until it rings.
    ///
    /// - Parameter uptime: nanoseconds of the monotonic clock, as `Uptime.nanoseconds` has them: the wait ends then at the
    ///   latest; nil for as long as it takes.
    package func wait(until uptime: Int64? = nil) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !hasRung {
            guard let uptime else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            let positive = max(0, uptime)
            var limit = timespec(tv_sec: Int(positive / 1_000_000_000), tv_nsec: Int(positive % 1_000_000_000))
            if pthread_cond_timedwait(condition, mutex, &limit) == ETIMEDOUT { break }
        }
        hasRung = false
    }
}
