/// When the log is brought into the database: about every thousand pages, as SQLite would by itself, but by a call whose
/// failure is seen. SQLite swallows the errors of its automatic checkpoints (sqlite.org/c3ref/wal_autocheckpoint.html),
/// and the log of a database that cannot be checkpointed grows without end.
struct CheckpointPlan {
    /// Pages in the log. A thousand give a p99 of 4.5 ms under load; four thousand a tenth more throughput, and 5.8 ms.
    static let interval = 1000
    /// Pages more, after one that could not bring in everything because somebody was reading.
    static let step = 250
    /// Nanoseconds from one that failed to the next.
    static let pause: Int64 = 1_000_000_000

    private var dueAt = interval
    private var lastPages = 0
    private var failedAt: Int64?

    mutating func isDue(pages: Int, at now: Int64) -> Bool {
        // The log has begun anew.
        if pages < lastPages { dueAt = Self.interval }
        lastPages = pages
        if let failedAt { return now - failedAt >= Self.pause }
        return pages >= dueAt
    }

    mutating func succeeded() {
        failedAt = nil
        dueAt = lastPages + Self.step
    }

    mutating func failed(at now: Int64) { failedAt = now }
}
