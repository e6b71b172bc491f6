import Dispatch

/// A thread waits for another one; for threads that nobody else needs.
package final class Blocking: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    package init() {}

    package func signal() { semaphore.signal() }
    package func wait() { semaphore.wait() }
}
