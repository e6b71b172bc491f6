private import Glibc
private import Platform
internal import ServiceLifecycle
private import Synchronization
internal import Timing

/// Measures once a second how much of a file system is free.
///
/// On a thread of its own: statvfs(2) takes a microsecond on a local disk, and as long as it likes on a network one whose
/// server is gone. Nobody waits for the thread, at the end of the process neither.
final class SpaceMeter: Service {
    private static let interval: Int64 = 1_000_000_000

    private let measure: @Sendable () -> Int64?
    private let tell: @Sendable (Int64?) -> Void
    private let bell = Doorbell()
    private let isStopped = Atomic(false)

    /// - Parameters:
    ///   - measure: bytes that are free; nil when they cannot be had.
    ///   - tell: called with each measurement.
    init(measure: @escaping @Sendable () -> Int64?, tell: @escaping @Sendable (Int64?) -> Void) {
        self.measure = measure
        self.tell = tell
    }

    /// What is left for whoever is not root, on the file system that a file lies on.
    static func freeBytes(beside path: String) -> Int64? {
        var figures = statvfs()
        guard statvfs(path, &figures) == 0 else { return nil }
        let (bytes, isTooMuch) = UInt64(figures.f_bavail).multipliedReportingOverflow(by: UInt64(figures.f_frsize))
        return isTooMuch ? .max : Int64(clamping: bytes)
    }

    func look() { tell(measure()) }

    func run() async throws {
        NamedThread.start("sluice-space") { [self] in
            while !isStopped.load(ordering: .relaxed) {
                bell.wait(until: Uptime.nanoseconds() + Self.interval)
                look()
            }
        }
        try? await gracefulShutdown()
        isStopped.store(true, ordering: .relaxed)
        bell.ring()
    }
}
