package import JobModel
private import Synchronization

/// Bytes of request bodies that are under way. Small bodies always pass; of the rest one client address has an eighth at
/// most, so that nobody keeps others from sending.
package final class BodyBudget: Sendable {
    private struct State {
        var bytes = 0
        var addresses: [IPAddress: Int] = [:]
    }

    private let limit: Int
    private let state = Mutex(State())

    package init(limit: Int = HTTPLimits.bodiesUnderWay) { self.limit = limit }

    /// Counts bytes that have come. False when there is no room for them; nothing is counted then.
    ///
    /// - Parameter address: whose share it is (`Client.counted`); nil for whom none is counted.
    func take(_ bytes: Int, of address: IPAddress?) -> Bool {
        state.withLock { state in
            guard state.bytes + bytes <= limit else { return false }
            if let address {
                let own = state.addresses[address, default: 0] + bytes
                guard own <= limit / 8 else { return false }
                state.addresses[address] = own
            }
            state.bytes += bytes
            return true
        }
    }

    func giveBack(_ bytes: Int, of address: IPAddress?) {
        guard bytes > 0 else { return }
        state.withLock { state in
            state.bytes -= bytes
            guard let address, let own = state.addresses[address] else { return }
            state.addresses[address] = own > bytes ? own - bytes : nil
        }
    }

    package var bytes: Int { state.withLock { $0.bytes } }
}
