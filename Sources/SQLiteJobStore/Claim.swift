package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func claim(_ batch: ClaimBatch) async throws(StoreError) -> [ClaimedLane] {
        try await writer.perform { session throws(StoreError) in try session.claim(batch) }
    }
}

/// The hot statements of claiming name their index: without it SQLite's planner picks another, six times slower and
/// slower still with every queued job.
enum ClaimSQL {
    static let highestPriority: StaticString =
        "SELECT max(priority) FROM queue INDEXED BY queue_due WHERE state = 0 AND function = ?1 AND lane = ?3"
    static let nextPriority: StaticString =
        """
        SELECT max(priority) FROM queue INDEXED BY queue_due
        WHERE state = 0 AND function = ?1 AND lane = ?3 AND priority < ?2
        """
    static let due: StaticString =
        """
        SELECT row FROM queue INDEXED BY queue_due
        WHERE state = 0 AND function = ?1 AND lane = ?5 AND priority = ?2 AND due <= ?3 AND deadline > ?3
        ORDER BY due LIMIT ?4
        """
    static let nextDue: StaticString =
        """
        SELECT min(due) FROM queue INDEXED BY queue_due
        WHERE state = 0 AND function = ?1 AND lane = ?4 AND priority = ?2 AND due > ?3
        """
    static let nextLane: StaticString =
        "SELECT min(lane) FROM queue INDEXED BY queue_due WHERE state = 0 AND function = ?1 AND lane > ?2"
    static let lease: StaticString =
        """
        UPDATE queue SET state = 1, attempt = attempt + 1, lease = ?2, started_at = ?3, revision = ?4
        WHERE row = ?1 AND state = 0
        """
    static let queued: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority,
            iif(?2, j.payload, NULL), j.parameters, j.client, j.webhook, j.headers, j.type, j.options
        FROM queue q JOIN jobs j ON j.row = q.row JOIN functions f ON f.id = j.function
        WHERE q.row = ?1 AND q.state = 0
        """
    static let queuedRows: StaticString =
        """
        SELECT row, due FROM queue INDEXED BY queue_due
        WHERE state = 0 AND function = ?1 AND lane = ?5 AND priority = ?2 AND due <= ?3
        ORDER BY due LIMIT ?4
        """
    static let claimed: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority, j.payload,
            j.parameters, j.client, j.webhook, j.headers, j.type, j.options,
            q.run, q.attempt, q.used, q.lost, q.deadline, q.lease, q.started_at, q.revision, q.last_error,
            q.lane, q.due, q.state
        FROM queue q JOIN jobs j ON j.row = q.row JOIN functions f ON f.id = j.function WHERE q.row = ?1
        """
}

/// One lane of one function in the queue.
struct LaneQueue {
    let function: Int64
    let lane: Int64
    let connection: Connection

    func highestPriority(below: Int64?) throws(StoreError) -> Int64? {
        let select: Statement
        if let below {
            select = try connection.statement(ClaimSQL.nextPriority).bind(2, below)
        } else {
            select = try connection.statement(ClaimSQL.highestPriority)
        }
        defer { select.reset() }
        return try select.bind(1, function).bind(3, lane).step() ? select.optionalInteger(0) : nil
    }

    func dueRows(_ priority: Int64, limit: Int, at now: Timestamp) throws(StoreError) -> [Int64] {
        let select = try connection.statement(ClaimSQL.due)
            .bind(1, function).bind(2, priority).bind(3, now).bind(4, limit).bind(5, lane)
        defer { select.reset() }
        var rows: [Int64] = []
        while try select.step() { rows.append(select.integer(0)) }
        return rows
    }

    /// Whether or not their `maxWait` is over.
    func queuedRows(
        _ priority: Int64, limit: Int, at now: Timestamp
    ) throws(StoreError) -> [(row: Int64, due: Timestamp)] {
        let select = try connection.statement(ClaimSQL.queuedRows)
            .bind(1, function).bind(2, priority).bind(3, now).bind(4, limit).bind(5, lane)
        defer { select.reset() }
        var rows: [(row: Int64, due: Timestamp)] = []
        while try select.step() { rows.append((select.integer(0), select.time(1))) }
        return rows
    }

    func nextDue(_ priority: Int64, after now: Timestamp) throws(StoreError) -> Timestamp? {
        let select = try connection.statement(ClaimSQL.nextDue)
            .bind(1, function).bind(2, priority).bind(3, now).bind(4, lane)
        defer { select.reset() }
        return try select.step() ? select.optionalTime(0) : nil
    }
}

extension WriterSession {
    func claim(_ batch: ClaimBatch) throws(StoreError) -> [ClaimedLane] {
        var answers: [ClaimedLane] = []
        for lane in batch.lanes { answers.append(try claim(lane, under: batch.revision, at: batch.now)) }
        return answers
    }

    private func claim(_ wanted: LaneClaim, under revision: String, at now: Moment) throws(StoreError) -> ClaimedLane {
        var answer = ClaimedLane(function: wanted.function, lane: wanted.lane, jobs: [], nextDue: nil)
        guard let function = try functions.id(of: wanted.function, on: connection) else { return answer }
        let lane = LaneQueue(function: function, lane: wanted.lane, connection: connection)
        var priority = try lane.highestPriority(below: nil)
        while let current = priority {
            let left = wanted.limit - answer.jobs.count
            // One more than was asked for says whether more is due.
            let rows = try lane.dueRows(current, limit: left + 1, at: now.steady)
            for row in rows.prefix(left) {
                if let job = try lease(row, under: revision, at: now) { answer.jobs.append(job) }
            }
            if rows.count > left {
                answer.nextDue = now.steady
                return answer
            }
            if let next = try lane.nextDue(current, after: now.steady) {
                answer.nextDue = answer.nextDue.map { min($0, next) } ?? next
            }
            priority = try lane.highestPriority(below: current)
        }
        return answer
    }

    private func lease(_ row: Int64, under revision: String, at now: Moment) throws(StoreError) -> LiveJob? {
        try connection.statement(ClaimSQL.lease)
            .bind(1, row).bind(2, newLease().token).bind(3, now.wall).bind(4, revision).run()
        guard connection.changes == 1 else { return nil }
        let select = try connection.statement(ClaimSQL.claimed).bind(1, row)
        defer { select.reset() }
        guard try select.step() else { throw .corrupt("a queued job is missing from the table of jobs") }
        return select.liveJob()
    }
}
