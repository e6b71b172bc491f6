package import JobModel

/// The queue at a glance, for one account or for all.
package struct Overview: Equatable, Sendable {
    /// Due, delayed and backoff.
    package var queued: Int
    package var running: Int
    /// Waiting for a signal.
    package var waiting: Int
    /// Attempts that may run at once.
    package var slots: Int
}

extension JobEngine {
    package func overview(as viewer: Viewer) -> Overview {
        let gauge = counters.total(of: viewer.scope)
        let deployment = deployment.value
        return Overview(
            queued: gauge.queued, running: gauge.running, waiting: gauge.waiting,
            slots: viewer == .admin ? deployment.concurrency : deployment.accountConcurrency)
    }
}
