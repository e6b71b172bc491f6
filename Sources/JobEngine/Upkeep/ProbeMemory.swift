private import Synchronization

/// When the store was last seen to write: whoever asks for readiness makes a write a second at most.
final class ProbeMemory: Sendable {
    private static let milliseconds: Int64 = 1000

    private let succeededAt = Mutex<Int64?>(nil)

    /// - Parameter now: milliseconds of the monotonic clock.
    func isFresh(at now: Int64) -> Bool { succeededAt.withLock { $0.map { now - $0 < Self.milliseconds } ?? false } }

    func succeeded(at now: Int64) { succeededAt.withLock { $0 = now } }
}
