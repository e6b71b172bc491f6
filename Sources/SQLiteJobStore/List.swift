package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func list(
        _ filter: JobFilter, after cursor: Int64?, newestFirst: Bool, limit: Int, including parts: JobParts,
        within bounds: ReadBounds, at now: Timestamp
    ) async throws(StoreError) -> JobPage {
        let uptime = uptime
        return try await readerThreads.read(for: bounds.caller) { connection throws(StoreError) in
            let clock = ReadClock(bounds, uptime: uptime)
            return try connection.inOneMoment { () throws(StoreError) in
                var candidates = try Candidates(
                    filter, after: cursor, newestFirst: newestFirst, at: now, on: connection)
                var filling = PageFilling(limit: limit, bytes: bounds.bytes)
                while let (row, matches) = try candidates.next() {
                    // One is looked at in any case, or the next page would begin where this one did.
                    if filling.last != nil, clock.isUp { return filling.cut(.time) }
                    guard matches else {
                        filling.last = row
                        continue
                    }
                    if filling.isFull { return filling.cut(nil) }
                    guard let job = try connection.snapshot(row: row, including: parts, upTo: bounds.partBytes) else {
                        throw .corrupt("the job in row \(row) is gone in the middle of a read")
                    }
                    guard filling.add(job) else { return filling.cut(.size) }
                }
                return filling.page
            }
        }
    }
}

/// A page that is being filled.
private struct PageFilling {
    let limit: Int
    let bytes: Int
    private(set) var page = JobPage(jobs: [])
    /// The row that was looked at last: the next page begins behind it.
    var last: Int64?
    private var size = 0

    init(limit: Int, bytes: Int) {
        self.limit = limit
        self.bytes = bytes
    }

    var isFull: Bool { page.jobs.count >= limit }

    /// False when the job has no room: then it is the first of the next page.
    mutating func add(_ job: JobSnapshot) -> Bool {
        let (sum, isTooMuch) = size.addingReportingOverflow(job.size)
        guard page.jobs.isEmpty || (!isTooMuch && sum <= bytes) else { return false }
        size = sum
        page.jobs.append(job)
        last = job.job.id.row
        return true
    }

    func cut(_ cut: JobPage.Cut?) -> JobPage { JobPage(jobs: page.jobs, next: last, cut: cut) }
}

extension JobSnapshot {
    /// Bytes of what came from outside and has no small bound.
    fileprivate var size: Int { (job.payload?.count ?? 0) + (job.parameters?.count ?? 0) + (value?.count ?? 0) }
}

extension Connection {
    /// What `body` reads is of one moment.
    func inOneMoment<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        try execute("BEGIN")
        defer { try? execute("COMMIT") }
        return try body()
    }

    fileprivate func snapshot(
        row: Int64, including parts: JobParts, upTo bytes: Int
    ) throws(StoreError) -> JobSnapshot? {
        let select = try snapshotStatement(row: row, including: parts, upTo: bytes)
        defer { select.reset() }
        guard try select.step() else { return nil }
        return try snapshot(of: select.job(), from: select)
    }
}
