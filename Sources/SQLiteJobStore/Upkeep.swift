package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func abandoned(limit: Int) async throws(StoreError) -> [LiveJob] {
        try await writer.perform { session throws(StoreError) in
            try session.connection.statement(UpkeepSQL.abandoned)
                .bind(1, Lease.firstToken(of: session.epoch)).bind(2, limit).liveJobs()
        }
    }

    package func held(after cursor: Int64?, limit: Int) async throws(StoreError) -> [HeldLease] {
        try readers.read { connection throws(StoreError) in
            let select = try connection.statement(UpkeepSQL.held)
                .bind(1, cursor ?? -1).bind(2, limit)
            defer { select.reset() }
            var leases: [HeldLease] = []
            while try select.step() {
                let id = JobID(row: select.integer(0), random: UInt64(bitPattern: select.integer(1)))
                leases.append(HeldLease(id: id, lease: Lease(token: select.integer(2))))
            }
            return leases
        }
    }

    package func running(under leases: [HeldLease]) async throws(StoreError) -> [LiveJob] {
        try readers.read { connection throws(StoreError) in
            var jobs: [LiveJob] = []
            for held in leases {
                jobs += try connection.statement(UpkeepSQL.running)
                    .bind(1, held.id.row).bind(2, held.lease.token).liveJobs()
            }
            return jobs
        }
    }

    package func overdue(limit: Int, at now: Timestamp) async throws(StoreError) -> [LiveJob] {
        try readers.read { connection throws(StoreError) in
            try connection.statement(UpkeepSQL.overdue).bind(1, now).bind(2, limit).liveJobs()
        }
    }

    package func prune(limit: Int, at now: Timestamp) async throws(StoreError) -> PruneResult {
        try await writer.perform { session throws(StoreError) in
            try session.prune(limit: limit, at: now)
        }
    }
}

/// Payloads are left out: what ends without running needs none.
enum UpkeepSQL {
    static let abandoned: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority, NULL, NULL,
            j.client, j.webhook, j.headers, j.type, j.options,
            q.run, q.attempt, q.used, q.lost, q.deadline, q.lease, q.started_at, q.revision, q.last_error,
            q.lane, q.due, q.state
        FROM queue q INDEXED BY queue_running JOIN jobs j ON j.row = q.row JOIN functions f ON f.id = j.function
        WHERE q.state = 1 AND q.lease < ?1 LIMIT ?2
        """
    static let held: StaticString =
        """
        SELECT q.row, j.random, q.lease FROM queue q INDEXED BY queue_running JOIN jobs j ON j.row = q.row
        WHERE q.state = 1 AND q.row > ?1 AND q.lease > (SELECT value << 40 FROM meta WHERE name = 'boot')
        ORDER BY q.row LIMIT ?2
        """
    static let running: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority, NULL, NULL,
            j.client, j.webhook, j.headers, j.type, j.options,
            q.run, q.attempt, q.used, q.lost, q.deadline, q.lease, q.started_at, q.revision, q.last_error,
            q.lane, q.due, q.state
        FROM queue q JOIN jobs j ON j.row = q.row JOIN functions f ON f.id = j.function
        WHERE q.row = ?1 AND q.lease = ?2
        """
    static let overdue: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority, NULL, NULL,
            j.client, j.webhook, j.headers, j.type, j.options,
            q.run, q.attempt, q.used, q.lost, q.deadline, q.lease, q.started_at, q.revision, q.last_error,
            q.lane, q.due, q.state
        FROM queue q INDEXED BY queue_deadline JOIN jobs j ON j.row = q.row JOIN functions f ON f.id = j.function
        WHERE q.state <> 1 AND q.deadline <= ?1 ORDER BY q.deadline LIMIT ?2
        """
    static let ended: StaticString =
        """
        SELECT job, tombstone_until, state FROM outcomes INDEXED BY outcomes_purge
        WHERE purge_at IS NOT NULL AND purge_at <= ?1 ORDER BY purge_at LIMIT ?2
        """
}

extension Statement {
    fileprivate func liveJobs() throws(StoreError) -> [LiveJob] {
        defer { reset() }
        var jobs: [LiveJob] = []
        while try step() { jobs.append(liveJob()) }
        return jobs
    }
}

extension WriterSession {
    fileprivate func prune(limit: Int, at now: Timestamp) throws(StoreError) -> PruneResult {
        let ended = try connection.statement(UpkeepSQL.ended).bind(1, now).bind(2, limit)
        var rows: [(row: Int64, until: Timestamp, state: Int64)] = []
        while try ended.step() { rows.append((ended.integer(0), ended.time(1), ended.integer(2))) }
        ended.reset()
        for (row, until, state) in rows {
            let tombstone = try connection.statement(
                """
                INSERT INTO tombstones (row, random, function, owner, until)
                SELECT row, random, function, owner, ?2 FROM jobs WHERE row = ?1 RETURNING function, owner
                """
            ).bind(1, row).bind(2, until)
            if try tombstone.step() {
                let function = tombstone.integer(0)
                var owner: Int64?
                if let name = tombstone.optionalText(1) { owner = try owners.id(of: name, on: connection) }
                tallies.add(-1, function: function, owner: owner, state: state)
            }
            try tombstone.run()
            try connection.forget(row)
        }
        return try connection.pruneRest(limit: limit, at: now, jobs: rows.count)
    }
}

extension Connection {
    fileprivate func forget(_ row: Int64) throws(StoreError) {
        try forgetDeliveries(of: row)
        try statement("DELETE FROM outcomes WHERE job = ?1").bind(1, row).run()
        try statement("DELETE FROM attempts WHERE job = ?1").bind(1, row).run()
        try statement("DELETE FROM jobs WHERE row = ?1").bind(1, row).run()
    }

    /// Old tombstones, idempotency keys and rate windows.
    fileprivate func pruneRest(limit: Int, at now: Timestamp, jobs: Int) throws(StoreError) -> PruneResult {
        try statement(
            "DELETE FROM tombstones WHERE row IN (SELECT row FROM tombstones WHERE until <= ?1 ORDER BY until LIMIT ?2)"
        ).bind(1, now).bind(2, limit).run()
        let tombstones = changes
        try statement(
            """
            DELETE FROM idempotency WHERE scope IN
                (SELECT scope FROM idempotency WHERE expires <= ?1 ORDER BY expires LIMIT ?2)
            """
        ).bind(1, now).bind(2, limit).run()
        let keys = changes
        try statement(
            "DELETE FROM rate_windows WHERE key IN (SELECT key FROM rate_windows WHERE until <= ?1 ORDER BY until LIMIT ?2)"
        ).bind(1, now).bind(2, limit).run()
        return PruneResult(jobs: jobs, tombstones: tombstones, keys: keys + changes)
    }
}
