package import NIOCore
private import Synchronization

/// What other threads have to say to the connections of one event loop.
///
/// However much comes at once (a commit answers twenty requests) the loop is woken once, and every connection that was
/// written to is flushed once.
package final class LoopBox: Sendable {
    package let loop: any EventLoop
    private let pending = Mutex<[@Sendable () -> Void]>([])
    private let local: NIOLoopBound<Local>

    /// Used on the loop only.
    private final class Local {
        var isDraining = false
        var written: [any Flushing] = []
    }

    /// Called on the loop.
    package init(loop: any EventLoop) {
        self.loop = loop
        local = NIOLoopBound(Local(), eventLoop: loop)
    }

    /// Calls `body` on the loop, soon.
    package func post(_ body: @escaping @Sendable () -> Void) {
        let isFirst = pending.withLock { pending in
            pending.append(body)
            return pending.count == 1
        }
        if isFirst { loop.execute { [self] in drain() } }
    }

    private func drain() {
        let bodies = pending.withLock { pending in
            defer { pending = [] }
            return pending
        }
        together { for body in bodies { body() } }
    }

    /// Runs `body` on the loop; what it writes is flushed afterwards, once a connection.
    func together(_ body: () -> Void) {
        let local = local.value
        guard !local.isDraining else { return body() }
        local.isDraining = true
        body()
        local.isDraining = false
        let written = local.written
        local.written = []
        for handler in written { handler.flush() }
    }

    /// Flushes a connection that was written to: at once, or at the end of what is being drained.
    func flush(_ handler: any Flushing) {
        let local = local.value
        if local.isDraining { local.written.append(handler) } else { handler.flush() }
    }
}

/// A connection with answers that wait to be sent.
protocol Flushing: AnyObject {
    func flush()
}
