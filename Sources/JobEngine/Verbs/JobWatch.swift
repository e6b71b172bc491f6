package import JobModel
package import JobStore

extension JobEngine {
    /// Tells of the next change of a job, once: see `Announcer`. Whoever is told looks for himself what it is.
    package func subscribe(
        to id: JobID, _ wake: @escaping @Sendable (Announcer.Wake) -> Void
    ) -> Announcer.Subscription { announcer.subscribe(to: id, wake) }

    package func unsubscribe(_ subscription: Announcer.Subscription) { announcer.unsubscribe(subscription) }
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

    package struct Stage: Equatable, Sendable {
        package var state: JobState
        package var attempt: Int
        package var run: Int
    }

    package var isLive: Bool { snapshot.map { !$0.state.isTerminal } ?? false }
}
