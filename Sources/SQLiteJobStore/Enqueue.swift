package import JobModel
package import JobStore
internal import PayloadSchema

extension SQLiteJobStore {
    package func enqueue(
        _ jobs: [NewJob], at now: Timestamp, then: @escaping @Sendable (Result<[EnqueueResult], StoreError>) -> Void
    ) {
        writer.perform(
            { session throws(StoreError) in
                var results: [EnqueueResult] = []
                for job in jobs { results.append(try session.enqueue(job, at: now)) }
                return results
            }, then: then)
    }

    package func recall(_ key: IdempotencyKey, at now: Timestamp) async throws(StoreError) -> EnqueueResult? {
        try readers.read { connection throws(StoreError) in try connection.recall(key, at: now) }
    }
}

extension Connection {
    func recall(_ key: IdempotencyKey, at now: Timestamp) throws(StoreError) -> EnqueueResult? {
        let select = try statement(
            "SELECT fingerprint, job, random FROM idempotency WHERE scope = ?1 AND expires > ?2")
        defer { select.reset() }
        guard try select.bind(1, key.scope).bind(2, now).step() else { return nil }
        guard select.bytes(0) == key.fingerprint else { return .conflict }
        let id = JobID(row: select.integer(1), random: UInt64(bitPattern: select.integer(2)))
        guard case .found(let job) = try lookUp(id, including: []) else { return .replayed(id, nil) }
        return .replayed(id, job)
    }
}

extension WriterSession {
    fileprivate func enqueue(_ new: NewJob, at now: Timestamp) throws(StoreError) -> EnqueueResult {
        if let key = new.idempotency, let known = try connection.recall(key, at: now) { return known }
        let job = new.job
        let options = job.options
        let id = ids.next(now: job.createdAt, random: job.id.random)
        let function = try functions.idOrNew(of: job.function, on: connection)
        var owner: Int64?
        if let name = job.owner { owner = try owners.idOrNew(of: name, on: connection) }
        try connection.statement(
            """
            INSERT INTO jobs (row, random, function, owner, revision, created_at, scheduled_for, priority, payload,
                parameters, client, webhook, headers, type, options)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
            """
        )
        .bind(1, id.row).bind(2, Int64(bitPattern: id.random)).bind(3, function).bind(4, job.owner)
        .bind(5, job.revision).bind(6, job.createdAt).bind(7, job.scheduledFor).bind(8, job.priority)
        .bind(9, job.payload).bind(10, job.parameters).bind(11, job.client)
        .bind(12, options.webhook)
        .bind(13, options.forwarded.isEmpty ? nil : ExchangeText.bytes(of: options.forwarded))
        .bind(14, job.type.hasSameBytes(as: job.function) ? nil : job.type).bind(15, OptionsText.bytes(of: options))
        .run()
        let lease = new.start.map { _ in newLease() }
        try connection.statement(
            """
            INSERT INTO queue (row, function, priority, due, deadline, lane, owner, state, run, attempt, used, lost,
                lease, started_at, revision, names_wall, stranger)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1, ?8, 0, 0, ?9, ?10, ?11, ?12, ?13)
            """
        )
        .bind(1, id.row).bind(2, function).bind(3, job.priority).bind(4, new.due).bind(5, new.deadline)
        .bind(6, new.lane).bind(7, owner).bind(8, lease == nil ? 0 : 1).bind(9, lease?.token ?? 0)
        .bind(10, new.start?.at.wall).bind(11, new.start?.revision).bind(12, new.namesWall)
        .bind(13, job.stranger?.number).run()
        for window in new.windows { try count(window) }
        if let key = new.idempotency {
            try connection.statement(
                """
                INSERT OR REPLACE INTO idempotency (scope, fingerprint, job, random, expires)
                VALUES (?1, ?2, ?3, ?4, ?5)
                """
            )
            .bind(1, key.scope).bind(2, key.fingerprint).bind(3, id.row).bind(4, Int64(bitPattern: id.random))
            .bind(5, key.expires).run()
        }
        return .accepted(id, lease)
    }

    /// One more accepted call in the window, or the first of a newer one. Commits may come in another order than the
    /// calls were counted: an older window never replaces a newer one.
    private func count(_ window: RateWindow) throws(StoreError) {
        try connection.statement(
            """
            INSERT INTO rate_windows (key, opened_at, until, used) VALUES (?1, ?2, ?3, 1)
            ON CONFLICT (key) DO UPDATE SET
                used = iif(opened_at = excluded.opened_at, used + 1, iif(excluded.opened_at > opened_at, 1, used)),
                until = max(until, excluded.until), opened_at = max(opened_at, excluded.opened_at)
            """
        ).bind(1, window.key).bind(2, window.openedAt).bind(3, window.until).run()
    }
}
