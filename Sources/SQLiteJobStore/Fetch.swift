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

    package func look(
        at id: JobID, including parts: JobParts, upTo bytes: Int
    ) throws(StoreError) -> JobLookup? {
        let lookup = try readers.read { connection throws(StoreError) in
            try connection.lookUp(id, including: parts, upTo: bytes)
        }
        if case .found(let job) = lookup, !job.omitted.isEmpty { return nil }
        return lookup
    }

    package func end(of run: Int, _ id: JobID) async throws(StoreError) -> JobSnapshot? {
        try readers.read { connection throws(StoreError) in
            let select = try connection.statement(FetchSQL.end).bind(1, id.row).bind(2, run)
            defer { select.reset() }
            guard try select.step(), select.job().id == id else { return nil }
            return try connection.snapshot(of: select.job(), from: select)
        }
    }
}

enum FetchSQL {
    /// One statement, so that it sees one moment. A live row counts before the outcome of an earlier run. ?2 and ?3 are the
    /// longest payload and value that are read, NULL for none: SQLite knows a length without reading the bytes.
    static let snapshot: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority,
            iif(length(j.payload) <= ?2, j.payload, NULL), j.parameters, j.client, j.webhook, j.headers, j.type, j.options,
            q.run, q.attempt, q.used, q.lost, q.deadline, q.lease, q.started_at, q.revision, q.last_error,
            q.lane, q.due, q.state,
            o.state, o.failure, o.completed_at, o.run, o.attempt, o.used, o.lost, o.last_error, o.final_started_at,
            iif(length(o.value) <= ?3, o.value, NULL), o.redirect,
            ifnull(length(j.payload) > ?2, 0), ifnull(length(o.value) > ?3, 0)
        FROM jobs j JOIN functions f ON f.id = j.function
            LEFT JOIN queue q ON q.row = j.row
            LEFT JOIN outcomes o ON o.job = j.row AND o.run = (SELECT max(run) FROM outcomes WHERE job = j.row)
        WHERE j.row = ?1
        """
    /// The columns of `snapshot`, with nothing live.
    static let end: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority,
            j.payload, j.parameters, j.client, j.webhook, j.headers, j.type, j.options,
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
    func lookUp(_ id: JobID, including parts: JobParts, upTo bytes: Int = .max) throws(StoreError) -> JobLookup {
        let select = try snapshotStatement(row: id.row, including: parts, upTo: bytes)
        defer { select.reset() }
        guard try select.step() else { return try tombstone(of: id) }
        let job = select.job()
        // The row is known, the random bits are not: somebody guesses.
        guard job.id == id else { return .unknown }
        return .found(try snapshot(of: job, from: select))
    }

    /// - Parameter bytes: a payload or value that is longer is left out.
    func snapshotStatement(
        row: Int64, including parts: JobParts, upTo bytes: Int
    ) throws(StoreError) -> Statement {
        let bytes = Int64(clamping: bytes)
        return try statement(FetchSQL.snapshot)
            .bind(1, row).bind(2, parts.contains(.payload) ? bytes : nil).bind(3, parts.contains(.value) ? bytes : nil)
    }

    func snapshot(of job: Job, from select: Statement) throws(StoreError) -> JobSnapshot {
        var snapshot = try whole(job, from: select)
        if select.integer(38) != 0 { snapshot.omitted.insert(.payload) }
        if select.integer(39) != 0, snapshot.state.isTerminal { snapshot.omitted.insert(.value) }
        return snapshot
    }

    private func whole(_ job: Job, from select: Statement) throws(StoreError) -> JobSnapshot {
        if let raw = select.optionalInteger(26) {
            guard let state = JobState(rawValue: raw) else { throw .corrupt("a job has state \(raw)") }
            let live = select.liveJob()
            return JobSnapshot(
                job: job, state: state, progress: live.progress, runAt: live.due, deadline: live.deadline,
                startedAt: live.startedAt)
        }
        guard let raw = select.optionalInteger(27), let state = JobState(rawValue: raw) else {
            throw .corrupt("job \(job.id) is neither queued nor ended")
        }
        let completedAt = select.time(29)
        return JobSnapshot(
            job: job, state: state, failure: select.optionalInteger(28).flatMap(FailureKind.init(rawValue:)),
            progress: JobProgress(
                run: select.int(30), attempt: select.int(31), used: select.int(32), lost: select.int(33),
                lastError: select.optionalText(34)),
            runAt: select.optionalTime(35) ?? completedAt, startedAt: select.optionalTime(35),
            completedAt: completedAt, value: select.bytes(36), redirect: select.optionalText(37))
    }

    private func tombstone(of id: JobID) throws(StoreError) -> JobLookup {
        let select = try statement(FetchSQL.tombstone).bind(1, id.row)
        defer { select.reset() }
        guard try select.step(), UInt64(bitPattern: select.integer(0)) == id.random else { return .unknown }
        return .purged(Tombstone(id: id, function: select.text(1), owner: select.optionalText(2)))
    }
}
