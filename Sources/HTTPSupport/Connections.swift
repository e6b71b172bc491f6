internal import JobModel
internal import NIOCore
private import Synchronization

/// The open connections of a server, and how many of them whom has.
///
/// A few are kept for this machine: whoever looks after the server gets in, however many strangers there are. The listener
/// never stops accepting, for then it could not tell who is at the door: who gets no place is closed at once.
package final class Connections: Sendable {
    /// What the manifest says; `total` never more than descriptors allow.
    package struct Bounds: Equatable, Sendable {
        package var total: Int
        package var perAddress: Int

        package init(total: Int, perAddress: Int) {
            self.total = total
            self.perAddress = perAddress
        }
    }

    private struct State {
        var bounds: Bounds
        var open: [ObjectIdentifier: any Channel] = [:]
        /// Connections by peer, and requests that are held by client address.
        var peers: [IPAddress: Int] = [:]
        var held: [IPAddress: Int] = [:]
        var isQuiescing = false
        /// Who waits for the last one to close.
        var waiting: [CheckedContinuation<Void, Never>] = []
        var refused = 0
    }

    private let state: Mutex<State>

    package init(bounds: Bounds) { state = Mutex(State(bounds: bounds)) }

    package var count: Int { state.withLock { $0.open.count } }

    /// Connections that found no place since the start.
    package var refused: Int { state.withLock { $0.refused } }

    package func adopt(_ bounds: Bounds) { state.withLock { $0.bounds = bounds } }

    /// Takes a place for a connection; false when there is none.
    func admit(_ channel: any Channel, from peer: IPAddress?) -> Bool {
        state.withLock { state in
            let isLocal = peer?.isLoopback ?? true
            let places = isLocal ? state.bounds.total : state.bounds.total - HTTPLimits.keptForLoopback
            let own = peer.map { state.peers[$0.subscriber, default: 0] } ?? 0
            guard !state.isQuiescing, state.open.count < places, isLocal || own < state.bounds.perAddress else {
                state.refused += 1
                return false
            }
            state.open[ObjectIdentifier(channel)] = channel
            if let peer, !isLocal { state.peers[peer.subscriber] = own + 1 }
            return true
        }
    }

    func closed(_ channel: any Channel, from peer: IPAddress?) {
        let waiting = state.withLock { state in
            guard state.open.removeValue(forKey: ObjectIdentifier(channel)) != nil else {
                return [CheckedContinuation<Void, Never>]()
            }
            if let peer, !peer.isLoopback { Self.remove(peer.subscriber, from: &state.peers) }
            guard state.open.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for one in waiting { one.resume() }
    }

    /// Takes a place for a request that is held (a long poll, a stream); false when the client has too many.
    package func hold(_ client: Client) -> Bool {
        guard let address = client.counted else { return true }
        return state.withLock { state in
            let own = state.held[address, default: 0]
            guard own < state.bounds.perAddress else { return false }
            state.held[address] = own + 1
            return true
        }
    }

    package func letGo(_ client: Client) {
        guard let address = client.counted else { return }
        state.withLock { Self.remove(address, from: &$0.held) }
    }

    /// No more connections; those that are there end after what they are at.
    func quiesce() {
        let open = state.withLock { state in
            state.isQuiescing = true
            return Array(state.open.values)
        }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }

    func closeAll() {
        for channel in state.withLock({ Array($0.open.values) }) { channel.close(promise: nil) }
    }

    /// Returns when none is open any more.
    func allClosed() async {
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if !state.open.isEmpty { state.waiting.append(continuation) }
                return state.open.isEmpty
            }
            if isDone { continuation.resume() }
        }
    }

    private static func remove(_ address: IPAddress, from counts: inout [IPAddress: Int]) {
        guard let count = counts[address] else { return }
        counts[address] = count > 1 ? count - 1 : nil
    }
}
