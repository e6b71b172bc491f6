internal import Foundation
private import Glibc

/// Work on a manifest, on a thread of its own: reading a large one takes many times what a request takes, and would keep
/// one of the few threads that answer requests.
enum ManifestThread {
    /// The least of a core that others want, and a whole one that is free (sched(7), "The nice value"; on Linux each thread has
    /// its own). It always gets on, so whoever waits for a lock that it holds does too.
    private static let nice: Int32 = 19

    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                Thread.current.name = "sluice-manifest"
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, nice)
                continuation.resume(returning: body())
            }
            // A manifest may be nested as deep as its limit.
            thread.stackSize = 4 << 20
            thread.start()
        }
    }
}
