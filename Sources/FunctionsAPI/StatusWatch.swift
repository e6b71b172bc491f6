internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore

/// Holds a request until its job has changed, at most so long, no longer than the client is there.
struct StatusWatch: Sendable {
    private let engine: JobEngine

    init(engine: JobEngine) {
        self.engine = engine
    }

    /// - Parameter isEnough: whether what the job has become answers the request.
    func wait(
        for id: JobID, milliseconds: Int64, including parts: JobParts, connection: ClientConnection,
        until isEnough: (JobLookup) -> Bool
    ) async throws(StoreError) -> JobLookup {
        let limit = engine.clock.now().monotonic + milliseconds
        while true {
            let waiter = engine.announcer.subscribe(to: id)
            defer { engine.announcer.unsubscribe(waiter, from: id) }
            let lookup = try await engine.lookUp(id, including: parts)
            let left = limit - engine.clock.now().monotonic
            if left <= 0 || isEnough(lookup) { return lookup }
            let stopWatching = connection.onHangUp { waiter.set(.hungUp) }
            let stopTimer = connection.after(milliseconds: left) { waiter.set(.timeUp) }
            let wake = await waiter.value()
            stopWatching()
            stopTimer()
            switch wake {
            case .changed?: continue
            case .timeUp?, .draining?: return try await engine.lookUp(id, including: parts)
            case .hungUp?, nil: return lookup
            }
        }
    }
}

extension JobLookup {
    /// nil when there is no job any more.
    var snapshot: JobSnapshot? {
        if case .found(let job) = self { job } else { nil }
    }

    /// What a long poll waits to see changed.
    var stage: Stage? { snapshot.map { Stage(state: $0.state, attempt: $0.progress.attempt, run: $0.progress.run) } }

    struct Stage: Equatable {
        var state: JobState
        var attempt: Int
        var run: Int
    }

    var isLive: Bool { snapshot.map { !$0.state.isTerminal } ?? false }
}
