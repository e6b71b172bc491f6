package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func claim(
        _ asks: [ClaimAsk], under terms: LeaseTerms, at now: Moment
    ) async throws(StoreError) -> [ClaimAnswer] {
        try await writer.perform { session throws(StoreError) in
            var answers: [ClaimAnswer] = []
            for ask in asks { answers.append(try session.claim(ask, under: terms, at: now)) }
            return answers
        }
    }

    package func renew(
        _ held: [HeldLease], for duration: Duration, at now: Moment
    ) async throws(StoreError) -> [Bool] {
        try await writer.perform { session throws(StoreError) in
            var results: [Bool] = []
            for lease in held {
                try session.connection.statement("UPDATE queue SET lease_until = ?3 WHERE row = ?1 AND lease = ?2")
                    .bind(1, lease.id.row).bind(2, lease.lease.token).bind(3, now.monotonic + duration.milliseconds)
                    .run()
                results.append(session.connection.changes == 1)
            }
            return results
        }
    }
}

/// The hot statements of claiming name their index: without it SQLite's planner picks another, six times slower and
/// slower still with every queued job.
enum ClaimSQL {
    static let highestPriority: StaticString =
        "SELECT max(priority) FROM queue INDEXED BY queue_due WHERE state = 0 AND function = ?1"
    static let nextPriority: StaticString =
        "SELECT max(priority) FROM queue INDEXED BY queue_due WHERE state = 0 AND function = ?1 AND priority < ?2"
    static let due: StaticString =
        """
        SELECT row FROM queue INDEXED BY queue_due
        WHERE state = 0 AND function = ?1 AND priority = ?2 AND due <= ?3 AND deadline > ?3 ORDER BY due LIMIT ?4
        """
    static let nextDue: StaticString =
        """
        SELECT min(due) FROM queue INDEXED BY queue_due
        WHERE state = 0 AND function = ?1 AND priority = ?2 AND due > ?3
        """
    static let lease: StaticString =
        """
        UPDATE queue SET state = 1, attempt = attempt + 1, lease = ?2, lease_until = ?3, started_at = ?4,
            revision = ?5
        WHERE row = ?1 AND state = 0
        """
    static let claimed: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority, j.payload,
            j.parameters, q.run, q.attempt, q.used, q.lost, q.deadline, q.lease, q.started_at, q.revision, q.last_error
        FROM queue q JOIN jobs j ON j.row = q.row JOIN functions f ON f.id = j.function WHERE q.row = ?1
        """
}

extension WriterSession {
    fileprivate func claim(_ ask: ClaimAsk, under terms: LeaseTerms, at now: Moment) throws(StoreError) -> ClaimAnswer {
        var answer = ClaimAnswer(function: ask.function, jobs: [], nextDue: nil)
        guard let function = try functions.id(of: ask.function, on: connection) else { return answer }
        var priority = try highestPriority(function, below: nil)
        while let current = priority {
            let rows = try dueRows(function, current, limit: ask.limit - answer.jobs.count, at: now.wall)
            for row in rows {
                if let job = try lease(row, under: terms, at: now) { answer.jobs.append(job) }
            }
            if answer.jobs.count >= ask.limit {
                // There may be more that is due; the next claim finds out.
                answer.nextDue = now.wall
                return answer
            }
            if let next = try nextDue(function, current, after: now.wall) {
                answer.nextDue = answer.nextDue.map { min($0, next) } ?? next
            }
            priority = try highestPriority(function, below: current)
        }
        return answer
    }

    private func highestPriority(_ function: Int64, below: Int64?) throws(StoreError) -> Int64? {
        let select: Statement
        if let below {
            select = try connection.statement(ClaimSQL.nextPriority).bind(2, below)
        } else {
            select = try connection.statement(ClaimSQL.highestPriority)
        }
        defer { select.reset() }
        return try select.bind(1, function).step() ? select.optionalInteger(0) : nil
    }

    private func dueRows(
        _ function: Int64, _ priority: Int64, limit: Int, at now: Timestamp
    ) throws(StoreError) -> [Int64] {
        let select = try connection.statement(ClaimSQL.due)
            .bind(1, function).bind(2, priority).bind(3, now).bind(4, limit)
        defer { select.reset() }
        var rows: [Int64] = []
        while try select.step() { rows.append(select.integer(0)) }
        return rows
    }

    private func nextDue(_ function: Int64, _ priority: Int64, after now: Timestamp) throws(StoreError) -> Timestamp? {
        let select = try connection.statement(ClaimSQL.nextDue).bind(1, function).bind(2, priority).bind(3, now)
        defer { select.reset() }
        return try select.step() ? select.optionalTime(0) : nil
    }

    private func lease(_ row: Int64, under terms: LeaseTerms, at now: Moment) throws(StoreError) -> LiveJob? {
        try connection.statement(ClaimSQL.lease)
            .bind(1, row).bind(2, newLease()).bind(3, now.monotonic + terms.duration.milliseconds).bind(4, now.wall)
            .bind(5, terms.revision).run()
        guard connection.changes == 1 else { return nil }
        let select = try connection.statement(ClaimSQL.claimed).bind(1, row)
        defer { select.reset() }
        guard try select.step() else { throw .corrupt("a queued job is missing from the table of jobs") }
        return select.liveJob()
    }
}
