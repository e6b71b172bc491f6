package import JobModel

/// What people ask about jobs: lists, counts and summaries. Changes nothing, and may look at many rows; each call says what
/// bounds it.
package protocol JobReports: Sendable {
    /// Jobs that match, by id, `newestFirst` or not, after the row `cursor`. At a bound the page is short, or empty, and has a
    /// next; each page looks at one more job at least.
    func list(
        _ filter: JobFilter, after cursor: Int64?, newestFirst: Bool, limit: Int, including parts: JobParts,
        within bounds: ReadBounds, at now: Timestamp
    ) async throws(StoreError) -> JobPage

    /// Counts the jobs that match: exactly, unless the filter has times or a long queue must be walked and the time is up.
    func count(_ filter: JobFilter, within bounds: ReadBounds, at now: Timestamp) async throws(StoreError) -> JobCount

    /// Every ended attempt of each job, in order. At a bound it ends after a job, so the answer may be shorter than `ids`; the
    /// first job is always there, its attempts past the bytes without what their target answered.
    func attempts(of ids: [JobID], within bounds: ReadBounds) async throws(StoreError) -> AttemptPage

    /// How many due jobs of the same function and caller come before a queued job. Looks at `limit` of them at most: the
    /// answer is a lower bound.
    func countAhead(of id: JobID, limit: Int, at now: Timestamp) async throws(StoreError) -> Int

    /// What is queued, running and waiting, by function and owner; what is queued without an owner by address too. Reads every
    /// queued job: for a start.
    func backlog() async throws(StoreError) -> [Backlog]

    /// When the first queued job of an account is or was due, by function.
    func oldestDue(of owner: String) async throws(StoreError) -> [String: Timestamp]

    /// How long the final attempts of an account's latest `limit` jobs took, in milliseconds, by function.
    func latestTimes(of owner: String, limit: Int) async throws(StoreError) -> [String: [Int64]]

    /// How many jobs have failed and are still kept, by function.
    ///
    /// - Parameter owner: nil for all accounts.
    func failures(of owner: String?) async throws(StoreError) -> [String: Int]
}

extension JobReports {
    /// Every ended attempt of one job, in order.
    package func attempts(of id: JobID) async throws(StoreError) -> [Attempt] {
        try await attempts(of: [id], within: .none).attempts.first ?? []
    }
}
