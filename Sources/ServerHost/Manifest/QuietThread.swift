private import Dispatch
internal import Foundation
internal import Glibc
private import Synchronization

/// Work that may take its time, on a thread that runs only while nobody else wants the processor: whoever answers requests
/// goes first. Where the processor is never free, the work is done again in the ordinary way, and the first to end counts.
enum QuietThread {
    /// So long the quiet attempt has.
    private static let patience = DispatchTimeInterval.seconds(1)

    /// - Parameter body: pure, for it may run twice.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let race = Race(continuation)
            start {
                // 5 is SCHED_IDLE (sched(7)), of this thread alone. A nice thread would keep its turn for milliseconds.
                var parameter = sched_param()
                sched_setscheduler(0, 5, &parameter)
                race.end(body())
            }
            DispatchQueue.global().asyncAfter(deadline: .now() + patience) {
                guard !race.isOver else { return }
                start { race.end(body()) }
            }
        }
    }

    private static func start(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread {
            Thread.current.name = "sluice-manifest"
            body()
        }
        // A manifest may be nested as deep as its limit.
        thread.stackSize = 4 << 20
        thread.start()
    }

    /// The first result counts.
    private final class Race<Value: Sendable>: Sendable {
        private let waiting: Mutex<CheckedContinuation<Value, Never>?>

        init(_ continuation: CheckedContinuation<Value, Never>) { waiting = Mutex(continuation) }

        var isOver: Bool { waiting.withLock { $0 == nil } }

        func end(_ value: Value) {
            let continuation = waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            continuation?.resume(returning: value)
        }
    }
}
