internal import Dispatching
internal import JobModel
internal import JobStore
internal import Logging
private import Synchronization

/// Looks for lanes with queued jobs of which nobody has told: all of a function's at a start and when the function comes
/// back, and page by page as an audit, for a hint that was lost.
final class LaneScan: Sendable {
    /// Lanes read in one call.
    private static let page = 1000
    /// Hints given under one hold of the dispatcher's lock.
    private static let slice = 100

    private struct State {
        var underWay: Set<String> = []
        /// Where the audit goes on.
        var function: String?
        var after: Int64?
    }

    private let state = Mutex(State())
    private let store: any LaneStore
    private let dispatcher: Dispatcher
    private let logger: Logger

    init(store: any LaneStore, dispatcher: Dispatcher, logger: Logger) {
        self.store = store
        self.dispatcher = dispatcher
        self.logger = logger
    }

    /// - Returns: those that no scan is under way for: whoever asks calls `scan` for each.
    func begin(_ functions: [String]) -> [String] {
        guard !functions.isEmpty else { return [] }
        return state.withLock { state in functions.filter { state.underWay.insert($0).inserted } }
    }

    /// The first lanes of every function: at a start nobody has a head start over others.
    func scanFirstPages(_ functions: [String]) async {
        for function in begin(functions) { await scan(function, pages: 1) }
    }

    /// All lanes of a function.
    func scan(_ function: String) async { await scan(function, pages: .max) }

    private func scan(_ function: String, pages: Int) async {
        var after: Int64?
        var isComplete = false
        var left = pages
        while !isComplete, left > 0, !Task.isCancelled, !dispatcher.isDraining {
            do {
                let lanes = try await store.lanes(of: function, after: after, limit: Self.page)
                hint(function, lanes)
                after = lanes.last?.lane
                left -= 1
                isComplete = lanes.count < Self.page
            } catch {
                log(error, function)
                guard pages > 1 else { break }
                try? await dispatcher.clock.sleep(
                    untilMonotonic: dispatcher.clock.now().monotonic + Dispatcher.pauseAfterFailure)
            }
        }
        state.withLock { _ = $0.underWay.remove(function) }
        if isComplete { dispatcher.change { $0.core.scanned(function) } }
    }

    /// One page of lanes in all, of one function after another; the next call goes on behind it.
    func audit() async {
        let functions = dispatcher.deployment.value.functions.map(\.name).sorted()
        var budget = Self.page
        for _ in functions.indices where budget > 0 {
            let (function, after) = state.withLock { ($0.function ?? functions.first, $0.after) }
            guard let function else { return }
            do {
                let lanes = try await store.lanes(of: function, after: after, limit: budget)
                hint(function, lanes)
                let isCut = lanes.count == budget
                budget -= lanes.count
                state.withLock { state in
                    state.after = isCut ? lanes.last?.lane : nil
                    state.function = isCut ? function : functions.first { $0 > function }
                }
            } catch {
                return log(error, function)
            }
        }
    }

    private func hint(_ function: String, _ lanes: [LaneDue]) {
        let now = dispatcher.clock.now()
        for start in stride(from: 0, to: lanes.count, by: Self.slice) {
            dispatcher.change { state in
                for lane in lanes[start..<min(lanes.count, start + Self.slice)] {
                    state.core.hint(function, lane: lane.lane, due: lane.due, at: now)
                }
            }
        }
    }

    private func log(_ error: StoreError, _ function: String) {
        logger.error("Cannot look for queued jobs", metadata: ["function": "\(function)", "error": "\(error)"])
    }
}
