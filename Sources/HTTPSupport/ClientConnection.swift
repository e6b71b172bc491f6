package import JobModel
private import Synchronization

/// What request handlers may know of the connection: who is there, and when they disconnect.
package final class ClientConnection: Sendable {
    private struct State {
        var isDisconnected = false
        var next = 0
        /// One or two at a time.
        var watchers: [(key: Int, body: @Sendable () -> Void)] = []
    }

    /// nil for what is not an IP socket.
    package let peer: IPAddress?
    /// The peer as a client, for whoever has no proxy in front.
    let client: Client
    private let state = Mutex(State())

    package init(peer: IPAddress?) {
        self.peer = peer
        client = Client(
            address: peer, text: peer?.description ?? "", isStranger: peer.map { !$0.isLoopback } ?? false)
    }

    /// Calls `body` once when the client disconnects, at once when it has.
    ///
    /// - Returns: what to call when nobody is interested any more.
    package func onDisconnect(_ body: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let key: Int? = state.withLock { state in
            if state.isDisconnected { return nil }
            state.next += 1
            state.watchers.append((state.next, body))
            return state.next
        }
        guard let key else {
            body()
            return {}
        }
        return { [self] in state.withLock { state in state.watchers.removeAll { $0.key == key } } }
    }

    /// Runs `body` in a task that is cancelled when the client disconnects: what waits for nobody gives up its place.
    package func whileThere<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let task = Task { try await body() }
        let stop = onDisconnect { task.cancel() }
        defer { stop() }
        return try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    package var isDisconnected: Bool { state.withLock { $0.isDisconnected } }

    func disconnected() {
        let watchers = state.withLock { state in
            defer { (state.isDisconnected, state.watchers) = (true, []) }
            return state.watchers
        }
        for watcher in watchers { watcher.body() }
    }
}
