private import Glibc

/// Threads for what blocks. Foundation's would bring the whole of Foundation into the binary, which is 40 MB.
package enum NamedThread {
    /// - Parameters:
    ///   - name: shown by ps and debuggers; at most 15 bytes (proc_pid_comm(5)).
    ///   - stackBytes: nil for the system's default.
    package static func start(_ name: String, stackBytes: Int? = nil, _ body: @escaping @Sendable () -> Void) {
        let work = ThreadWork(name: name, body: body)
        var failure: Int32 = 0
        // A machine that is short of threads may have one again soon. Somebody waits for what this one is to do.
        for _ in 0..<50 {
            failure = create(work, stackBytes: stackBytes)
            if failure == 0 { return }
            usleep(100_000)
        }
        fatalError("cannot start the thread \(name): \(String(cString: strerror(failure)))")
    }

    /// - Returns: 0, or as in errno(3) why there is no thread.
    private static func create(_ work: ThreadWork, stackBytes: Int?) -> Int32 {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        if let stackBytes { pthread_attr_setstacksize(&attributes, stackBytes) }
        let handedOver = Unmanaged.passRetained(work)
        var thread = pthread_t()
        let failure = pthread_create(&thread, &attributes, { runThread($0) }, handedOver.toOpaque())
        if failure != 0 { handedOver.release() }
        return failure
    }
}

private final class ThreadWork: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}

// A function of the file: Swift 6.3 crashes when a static method is made a C function.
private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let work = Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue()
    // Swift sees neither prctl(2) nor pthread_setname_np(3).
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    if file >= 0 {
        let name = Array(work.name.utf8)
        _ = write(file, name, name.count)
        close(file)
    }
    work.body()
    return nil
}
