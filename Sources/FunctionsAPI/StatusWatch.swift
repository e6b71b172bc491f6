internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore

/// Holds a request until its job has changed, at most so long, no longer than the client is there.
struct StatusWatch: Sendable {
    let engine: JobEngine

    func wait(
        for id: JobID, as viewer: Viewer, milliseconds: Int64, including parts: JobParts, connection: ClientConnection,
        until isEnough: (JobLookup) -> Bool
    ) async throws(StoreError) -> JobLookup {
        try await engine.wait(
            for: id, as: viewer, milliseconds: milliseconds, including: parts,
            arm: connection.race(milliseconds:timeUp:disconnected:), until: isEnough)
    }
}
