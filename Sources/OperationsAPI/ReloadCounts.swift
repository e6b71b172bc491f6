package import JobModel
private import Synchronization

/// How reloads went, for `/metrics`.
package final class ReloadCounts: Sendable {
    private struct State {
        var taken = 0
        var refused = 0
        var isBroken = false
        var loadedAt = Timestamp(milliseconds: 0)
    }

    private let state = Mutex(State())

    package init() {}

    package var taken: Int { state.withLock { $0.taken } }
    var refused: Int { state.withLock { $0.refused } }
    /// The file is not what is in force.
    var isBroken: Bool { state.withLock { $0.isBroken } }
    var loadedAt: Timestamp { state.withLock { $0.loadedAt } }

    package func take() { state.withLock { $0.taken += 1 } }
    package func refuse() { state.withLock { ($0.refused, $0.isBroken) = ($0.refused + 1, true) } }
    package func recover() { state.withLock { $0.isBroken = false } }
    package func loaded(at time: Timestamp) { state.withLock { $0.loadedAt = time } }
}
