internal import Foundation
internal import Glibc

/// Work that may take its time, on a thread that leaves the processor to whoever answers requests.
enum QuietThread {
    /// As `nice -n 15`.
    private static let niceness: Int32 = 15

    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                // On Linux this is the calling thread's alone (setpriority(2), "C library/kernel differences").
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness)
                continuation.resume(returning: body())
            }
            thread.name = "sluice-manifest"
            // Values inside each other: a manifest may be nested as deep as its limit.
            thread.stackSize = 4 << 20
            thread.start()
        }
    }
}
