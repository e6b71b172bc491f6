package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func fetch(_ ids: [JobID], including parts: JobParts) async throws(StoreError) -> [JobLookup] {
        try readers.read { connection throws(StoreError) in
            var lookups: [JobLookup] = []
            for id in ids { lookups.append(try connection.lookUp(id, including: parts)) }
            return lookups
        }
    }

    package func end(of run: Int, _ id: JobID) async throws(StoreError) -> JobSnapshot? {
        try readers.read { connection throws(StoreError) in
            let select = try connection.statement(FetchSQL.end).bind(1, id.row).bind(2, run)
            defer { select.reset() }
            guard try select.step(), select.job().id == id else { return nil }
            return try connection.snapshot(of: select.job(), from: select)
        }
    }

    package func attempts(of id: JobID) async throws(StoreError) -> [Attempt] {
        try readers.read { connection throws(StoreError) in try connection.attempts(of: id) }
    }
}

enum FetchSQL {
    /// One statement, so that it sees one moment. A live row counts before the outcome of an earlier run.
    static let snapshot: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority,
            iif(?2, j.payload, NULL), j.parameters, j.client, j.webhook, j.headers,
            q.run, q.attempt, q.used, q.lost, q.deadline, q.lease, q.started_at, q.revision, q.last_error,
            q.lane, q.due, q.state,
            o.state, o.failure, o.completed_at, o.run, o.attempt, o.used, o.lost, o.last_error, o.final_started_at,
            iif(?3, o.value, NULL), o.redirect
        FROM jobs j JOIN functions f ON f.id = j.function
            LEFT JOIN queue q ON q.row = j.row
            LEFT JOIN outcomes o ON o.job = j.row AND o.run = (SELECT max(run) FROM outcomes WHERE job = j.row)
        WHERE j.row = ?1
        """
    /// The columns of `snapshot`, with nothing live.
    static let end: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority,
            j.payload, j.parameters, j.client, j.webhook, j.headers,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            o.state, o.failure, o.completed_at, o.run, o.attempt, o.used, o.lost, o.last_error, o.final_started_at,
            o.value, o.redirect
        FROM jobs j JOIN functions f ON f.id = j.function JOIN outcomes o ON o.job = j.row AND o.run = ?2
        WHERE j.row = ?1
        """
    static let tombstone: StaticString =
        """
        SELECT t.random, f.name, t.owner FROM tombstones t JOIN functions f ON f.id = t.function WHERE t.row = ?1
        """
}

extension Connection {
    func lookUp(_ id: JobID, including parts: JobParts) throws(StoreError) -> JobLookup {
        let select = try statement(FetchSQL.snapshot)
            .bind(1, id.row).bind(2, parts.contains(.payload) ? 1 : 0).bind(3, parts.contains(.value) ? 1 : 0)
        defer { select.reset() }
        guard try select.step() else { return try tombstone(of: id) }
        let job = select.job()
        // The row is known, the random bits are not: somebody guesses.
        guard job.id == id else { return .unknown }
        return .found(try snapshot(of: job, from: select))
    }

    func snapshot(of job: Job, from select: Statement) throws(StoreError) -> JobSnapshot {
        if let raw = select.optionalInteger(24) {
            guard let state = JobState(rawValue: raw) else { throw .corrupt("a job has state \(raw)") }
            let live = select.liveJob()
            return JobSnapshot(
                job: job, state: state, progress: live.progress, runAt: live.due, deadline: live.deadline,
                startedAt: live.startedAt)
        }
        guard let raw = select.optionalInteger(25), let state = JobState(rawValue: raw) else {
            throw .corrupt("job \(job.id) is neither queued nor ended")
        }
        let completedAt = select.time(27)
        return JobSnapshot(
            job: job, state: state, failure: select.optionalInteger(26).flatMap(FailureKind.init(rawValue:)),
            progress: JobProgress(
                run: select.int(28), attempt: select.int(29), used: select.int(30), lost: select.int(31),
                lastError: select.optionalText(32)),
            runAt: select.optionalTime(33) ?? completedAt, startedAt: select.optionalTime(33),
            completedAt: completedAt, value: select.bytes(34), redirect: select.optionalText(35))
    }

    private func tombstone(of id: JobID) throws(StoreError) -> JobLookup {
        let select = try statement(FetchSQL.tombstone).bind(1, id.row)
        defer { select.reset() }
        guard try select.step(), UInt64(bitPattern: select.integer(0)) == id.random else { return .unknown }
        return .purged(Tombstone(id: id, function: select.text(1), owner: select.optionalText(2)))
    }

    fileprivate func attempts(of id: JobID) throws(StoreError) -> [Attempt] {
        let select = try statement(
            """
            SELECT number, run, started_at, completed_at, result, status_code, error, revision, exchange
                FROM attempts WHERE job = ?1
            UNION ALL
            SELECT attempt, run, final_started_at, completed_at, final_result, final_status_code, final_error,
                final_revision, final_exchange FROM outcomes WHERE job = ?1 AND final_result IS NOT NULL
            ORDER BY 1
            """
        ).bind(1, id.row)
        defer { select.reset() }
        var attempts: [Attempt] = []
        while try select.step() {
            guard let result = Attempt.Result(rawValue: select.integer(4)) else {
                throw .corrupt("an attempt has result \(select.integer(4))")
            }
            attempts.append(
                Attempt(
                    number: select.int(0), run: select.int(1), startedAt: select.time(2), completedAt: select.time(3),
                    result: result, statusCode: select.optionalInteger(5).map(Int.init), error: select.optionalText(6),
                    revision: select.text(7), exchange: select.bytes(8).flatMap(ExchangeText.exchange)))
        }
        return attempts
    }
}
