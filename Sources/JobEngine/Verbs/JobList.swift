package import JobModel
package import JobStore

/// One page of a list, with all that a surface shows of its jobs.
package struct JobList: Sendable {
    package struct Entry: Sendable {
        package var job: JobSnapshot
        package var attempts: [Attempt]
    }

    package var entries: [Entry]
    /// Where the next page begins; nil at the end.
    package var next: Int64?
    /// Why the page is short although the list goes on.
    package var cut: JobPage.Cut?
    /// All that match, not only this page.
    package var total: JobCount
}

extension JobEngine {
    /// The viewer's own jobs that match; the admin's are everybody's, or those of the owner that the filter names. Payloads and
    /// values that are long are left out, and no page costs more than `Limits` says.
    package func list(
        _ asked: JobFilter, as viewer: Viewer, after cursor: Int64?, newestFirst: Bool, limit: Int
    ) async throws(StoreError) -> JobList {
        var filter = asked
        var caller: String?
        switch viewer.scope {
        case .everybody: break
        case .owner(let owner): (filter.owner, caller) = (owner, owner)
        case .nobody: return JobList(entries: [], total: JobCount(count: 0, isExact: true))
        }
        let now = clock.now()
        let page = try await store.list(
            filter, after: cursor, newestFirst: newestFirst, limit: limit, including: [.payload, .value],
            within: ReadBounds(
                milliseconds: Limits.listMilliseconds, bytes: Limits.listBytes, partBytes: Limits.listPartBytes,
                caller: caller),
            at: now.steady)
        let attempts = try await store.attempts(
            of: page.jobs.map(\.job.id),
            within: ReadBounds(milliseconds: Limits.listAttemptsMilliseconds, bytes: Limits.listBytes, caller: caller))
        let total = try await store.count(
            filter, within: ReadBounds(milliseconds: Limits.listTotalMilliseconds, caller: caller), at: now.steady)
        var list = JobList(
            entries: zip(page.jobs, attempts.attempts).map { JobList.Entry(job: $0.shown(at: now), attempts: $1) },
            next: page.next, cut: page.cut, total: total)
        if let cut = attempts.cut {
            list.next = list.entries.last?.job.job.id.row
            list.cut = cut
        }
        return list
    }

    /// What finds jobs by a caller's idempotency key: a key belongs to a caller and a function.
    ///
    /// - Parameter function: nil for every function that is declared, or was.
    package func scopes(ofKey key: String, owner: String, function: String?) -> [[UInt8]] {
        let deployment = deployment.value
        let functions = function.map { [$0] } ?? deployment.knownNames
        return functions.map { CallKey.scope(owner: owner, clientAddress: "", function: $0, key: key) }
    }
}
