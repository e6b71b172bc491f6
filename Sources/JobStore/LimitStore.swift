package import JobModel

/// Keeps what bounds functions beyond one process: open rate windows, which are written with the jobs that they count
/// (`NewJob.windows`), and the functions that an operator has paused.
package protocol LimitStore: Sendable {
    /// Rate windows that are still open.
    func windows(at now: Timestamp) async throws(StoreError) -> [RateWindow]

    /// Functions that an operator has paused.
    func pausedFunctions() async throws(StoreError) -> Set<String>

    /// Pauses a function, or lets it go on.
    func setPaused(_ function: String, _ paused: Bool) async throws(StoreError)
}
