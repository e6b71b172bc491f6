package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func lanes(
        of function: String, after lane: Int64?, limit: Int
    ) async throws(StoreError) -> [LaneDue] {
        try readers.read { connection throws(StoreError) in
            var names = NameNumbers.functions
            guard let id = try names.id(of: function, on: connection) else { return [] }
            var lanes: [LaneDue] = []
            var last = lane
            while lanes.count < limit, let next = try connection.nextLane(of: id, after: last) {
                let queue = LaneQueue(function: id, name: function, lane: next, connection: connection)
                if let due = try queue.earliestDue() { lanes.append(LaneDue(lane: next, due: due)) }
                last = next
            }
            return lanes
        }
    }

    package func heads(of lanes: [LaneAddress], at now: Timestamp) async throws(StoreError) -> [StoredHead] {
        try readers.read { connection throws(StoreError) in
            var names = NameNumbers.functions
            var heads: [StoredHead] = []
            for lane in lanes {
                guard let id = try names.id(of: lane.function, on: connection) else {
                    heads.append(.empty)
                    continue
                }
                let queue = LaneQueue(function: id, name: lane.function, lane: lane.lane, connection: connection)
                heads.append(try connection.head(of: queue, needsPayload: lane.needsPayload, at: now))
            }
            return heads
        }
    }

    package func queued(in lane: LaneAddress, limit: Int) async throws(StoreError) -> [QueuedJob] {
        try readers.read { connection throws(StoreError) in
            var names = NameNumbers.functions
            guard let id = try names.id(of: lane.function, on: connection) else { return [] }
            let queue = LaneQueue(function: id, name: lane.function, lane: lane.lane, connection: connection)
            var rows: [(row: Int64, due: Timestamp)] = []
            var priority = try queue.highestPriority(below: LaneQueue.above)
            // The earliest due of each priority, of which the earliest of all are taken.
            while let current = priority {
                rows += try queue.queuedRows(current, limit: limit)
                priority = try queue.highestPriority(below: current)
            }
            rows.sort { ($0.due, $0.row) < ($1.due, $1.row) }
            var jobs: [QueuedJob] = []
            for (row, due) in rows.prefix(limit) {
                guard let job = try connection.queuedJob(row, due: due, needsPayload: lane.needsPayload) else {
                    continue
                }
                jobs.append(job)
            }
            return jobs
        }
    }

    package func move(_ moves: [LaneMove]) async throws(StoreError) {
        try await writer.perform { session throws(StoreError) in
            for move in moves {
                try session.connection.statement(
                    "UPDATE queue SET lane = ?3 WHERE row = ?1 AND lane = ?2 AND state = 0"
                ).bind(1, move.id.row).bind(2, move.from).bind(3, move.to).run()
            }
        }
    }

    package func windows(at now: Timestamp) async throws(StoreError) -> [RateWindow] {
        try readers.read { connection throws(StoreError) in
            let select = try connection.statement(
                "SELECT key, opened_at, until, used FROM rate_windows WHERE until > ?1"
            ).bind(1, now)
            defer { select.reset() }
            var windows: [RateWindow] = []
            while try select.step() {
                windows.append(
                    RateWindow(
                        key: select.integer(0), openedAt: select.time(1), until: select.time(2), used: select.int(3)))
            }
            return windows
        }
    }

    package func pausedFunctions() async throws(StoreError) -> Set<String> {
        try readers.read { connection throws(StoreError) in
            let select = try connection.statement("SELECT function FROM paused")
            defer { select.reset() }
            var names: Set<String> = []
            while try select.step() { names.insert(select.text(0)) }
            return names
        }
    }

    package func setPaused(_ function: String, _ paused: Bool) async throws(StoreError) {
        try await writer.perform { session throws(StoreError) in
            let sql: StaticString =
                paused ? "INSERT OR IGNORE INTO paused VALUES (?1)" : "DELETE FROM paused WHERE function = ?1"
            try session.connection.statement(sql).bind(1, function).run()
        }
    }
}

extension LaneQueue {
    fileprivate func earliestDue() throws(StoreError) -> Timestamp? {
        var due: Timestamp?
        var priority = LaneQueue.above
        while let current = try highestPriority(below: priority) {
            if let first = try queuedRows(current, limit: 1).first?.due { due = due.map { min($0, first) } ?? first }
            priority = current
        }
        return due
    }
}

private enum LaneJobSQL {
    static let queued: StaticString =
        """
        SELECT j.row, j.random, f.name, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority,
            iif(?2, j.payload, NULL), j.parameters, j.client, j.webhook, j.headers, j.type, j.options,
            q.run, q.attempt, q.used, q.lost
        FROM queue q JOIN jobs j ON j.row = q.row JOIN functions f ON f.id = j.function
        WHERE q.row = ?1 AND q.state = 0
        """
}

extension Connection {
    fileprivate func head(
        of queue: LaneQueue, needsPayload: Bool, at now: Timestamp
    ) throws(StoreError) -> StoredHead {
        var later: Timestamp?
        var priority = LaneQueue.above
        while let stretch = try queue.stretch(below: priority, limit: 1, payloads: needsPayload, at: now) {
            if let first = stretch.due.first { return .due(first) }
            if let next = stretch.nextDue { later = later.map { min($0, next) } ?? next }
            priority = stretch.priority
        }
        return later.map { .later($0) } ?? .empty
    }

    /// nil when it is not queued any more.
    fileprivate func queuedJob(
        _ row: Int64, due: Timestamp, needsPayload: Bool
    ) throws(StoreError) -> QueuedJob? {
        let select = try statement(LaneJobSQL.queued).bind(1, row).bind(2, needsPayload ? 1 : 0)
        defer { select.reset() }
        guard try select.step() else { return nil }
        let progress = JobProgress(
            run: select.int(15), attempt: select.int(16), used: select.int(17), lost: select.int(18))
        return QueuedJob(job: select.job(), progress: progress, due: due)
    }

    /// Steps from lane to lane along the index, however many jobs each has.
    fileprivate func nextLane(of function: Int64, after lane: Int64?) throws(StoreError) -> Int64? {
        if lane == nil, try hasLane(function, .min) { return .min }
        let select = try statement(LaneSQL.nextLane).bind(1, function).bind(2, lane ?? .min)
        defer { select.reset() }
        return try select.step() ? select.optionalInteger(0) : nil
    }

    private func hasLane(_ function: Int64, _ lane: Int64) throws(StoreError) -> Bool {
        try LaneQueue(function: function, name: "", lane: lane, connection: self)
            .highestPriority(below: LaneQueue.above) != nil
    }
}
