private import Glibc
private import Platform

/// Work on a manifest, on a thread of its own: reading a large one takes many times what a request takes, and would keep
/// one of the few threads that answer requests.
enum ManifestThread {
    /// The least of a core that others want, and a whole one that is free (sched(7), "The nice value"; on Linux each thread has
    /// its own). It always gets on, so whoever waits for a lock that it holds does too.
    private static let nice: Int32 = 19

    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            // A manifest may be nested as deep as its limit.
            NamedThread.start("sluice-manifest", stackBytes: 4 << 20) {
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, nice)
                continuation.resume(returning: body())
            }
        }
    }
}
