package import JobModel
package import JobStore
internal import Timing

extension JobEngine {
    /// Waits until a job has changed, at most so long. Whoever waited looks the job up afterwards: what is looked up here is
    /// not held, for ten thousand who wait would hold it each.
    ///
    /// - Parameters:
    ///   - arm: called before each wait with the milliseconds that are left and what ends the wait from outside (the time is
    ///     up, the client has disconnected); returns what takes that back.
    ///   - isEnough: whether what the job has become answers the question.
    package func wait(
        for id: JobID, as viewer: Viewer, milliseconds: Int64,
        arm: (
            _ milliseconds: Int64, _ timeUp: @escaping @Sendable () -> Void,
            _ disconnected: @escaping @Sendable () -> Void
        ) -> @Sendable () -> Void, until isEnough: (JobLookup) -> Bool
    ) async throws(StoreError) {
        let limit = clock.now().monotonic + milliseconds
        while true {
            let waiter = announcer.subscribe(to: id)
            defer { announcer.unsubscribe(waiter, from: id) }
            let left = limit - clock.now().monotonic
            if left <= 0 { return }
            if try await isAnswered(id, as: viewer, by: isEnough) { return }
            let disarm = arm(left, { waiter.set(.timeUp) }, { waiter.set(.disconnected) })
            let wake = await waiter.value()
            disarm()
            guard wake == .changed else { return }
        }
    }

    /// Never inlined: its frame, with the job in it, is to be gone while `wait` waits.
    @inline(never) private func isAnswered(
        _ id: JobID, as viewer: Viewer, by isEnough: (JobLookup) -> Bool
    ) async throws(StoreError) -> Bool { isEnough(try await job(id, as: viewer)) }
}

extension JobLookup {
    /// nil when there is no job any more.
    package var snapshot: JobSnapshot? {
        if case .found(let job) = self { job } else { nil }
    }

    /// What a long poll waits to see changed.
    package var stage: Stage? {
        snapshot.map { Stage(state: $0.state, attempt: $0.progress.attempt, run: $0.progress.run) }
    }

    package struct Stage: Equatable {
        package var state: JobState
        package var attempt: Int
        package var run: Int
    }

    package var isLive: Bool { snapshot.map { !$0.state.isTerminal } ?? false }
}
