private import Glibc

/// One context of libcrypto for each thread: making one costs several times what a short hash does.
///
/// Whoever takes a context uses it in one synchronous call, so no task can be moved to another thread in between. While it is
/// taken the slot is empty: a hash that is begun within another gets a context of its own.
struct ThreadSlot: Sendable {
    private let key: pthread_key_t
    private let free: @convention(c) (UnsafeMutableRawPointer?) -> Void

    /// - Parameter free: called with the context of a thread that ends.
    init(free: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void) {
        var key = pthread_key_t()
        guard pthread_key_create(&key, free) == 0 else { fatalError("no thread-specific key is left") }
        self.key = key
        self.free = free
    }

    /// nil when this thread has none yet, or it is in use further up.
    @inline(__always) func take() -> OpaquePointer? {
        guard let kept = pthread_getspecific(key) else { return nil }
        pthread_setspecific(key, nil)
        return OpaquePointer(kept)
    }

    @inline(__always) func giveBack(_ context: OpaquePointer) {
        let context = UnsafeMutableRawPointer(context)
        // One begun within another gives its context back first.
        if let other = pthread_getspecific(key) { free(other) }
        // Without memory for the slot nobody would find it again.
        if pthread_setspecific(key, context) != 0 { free(context) }
    }
}
