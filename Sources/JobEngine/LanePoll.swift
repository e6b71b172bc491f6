internal import JobStore
internal import Logging
private import Synchronization

/// Looks for lanes of which no hint is known: after a start, when functions come back, and whenever a hint was lost.
final class LanePoll: Sendable {
    /// So many lanes of a function are learned at once; the next poll goes on behind them.
    private static let width = 1000

    typealias Found = (_ function: String, _ lanes: [LaneDue]) -> Void

    private struct State {
        /// Functions that may have come back: their jobs are looked for at once.
        var returned: Set<String> = []
        /// Where the last poll of a function with many lanes stopped.
        var after: [String: Int64] = [:]
    }

    private let state = Mutex(State())
    private let store: any JobStore
    private let logger: Logger

    init(store: any JobStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    func returned(_ functions: Set<String>) {
        state.withLock { state in
            state.returned.formUnion(functions)
            for name in functions { state.after[name] = nil }
        }
    }

    func pollReturned(_ found: Found) async {
        let returned = state.withLock { state in
            defer { state.returned = [] }
            return state.returned
        }
        if !returned.isEmpty { _ = await poll(returned, found) }
    }

    /// - Returns: false when some function has more lanes: the next poll goes on with them.
    func poll(_ functions: some Sequence<String>, _ found: Found) async -> Bool {
        var isComplete = true
        for name in functions {
            do {
                let after = state.withLock { $0.after[name] }
                let lanes = try await store.lanes(of: name, after: after, limit: Self.width)
                found(name, lanes)
                let isCut = lanes.count == Self.width
                state.withLock { $0.after[name] = isCut ? lanes.last?.lane : nil }
                if isCut { isComplete = false }
            } catch {
                logger.error("Cannot look for queued jobs", metadata: ["function": "\(name)", "error": "\(error)"])
            }
        }
        return isComplete
    }
}
