internal import JobModel
internal import JobStore

/// Rows for new jobs, above every row that was ever given out.
struct IDSource {
    private var sequence: JobIDSequence

    /// Looks at tombstones too: the newest job may be gone.
    init(_ connection: Connection) throws(StoreError) {
        let last = try connection.text(
            of: "SELECT max(ifnull((SELECT max(row) FROM jobs), 0), ifnull((SELECT max(row) FROM tombstones), 0))")
        sequence = JobIDSequence(last: Int64(last) ?? 0)
    }

    mutating func next(now: Timestamp, random: UInt64) -> JobID { sequence.next(now: now, random: random) }
}
