internal import Foundation

/// Work on a manifest, on a thread of its own: reading a large one takes many times what a request takes, and would keep
/// one of the few threads that answer requests.
enum ManifestThread {
    static func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            let thread = Thread {
                Thread.current.name = "sluice-manifest"
                continuation.resume(returning: body())
            }
            // A manifest may be nested as deep as its limit.
            thread.stackSize = 4 << 20
            thread.start()
        }
    }
}
