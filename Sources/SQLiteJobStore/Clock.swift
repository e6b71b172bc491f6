internal import JobModel
package import JobStore

extension SQLiteJobStore {
    package func clockMark() async throws(StoreError) -> ClockMark? {
        try readers.read { connection throws(StoreError) in
            guard let steady = try connection.meta(ClockSQL.steady), let offset = try connection.meta(ClockSQL.offset)
            else { return nil }
            return ClockMark(steady: Timestamp(milliseconds: steady), offset: .milliseconds(offset))
        }
    }

    package func keep(_ mark: ClockMark) async throws(StoreError) {
        try await writer.perform { session throws(StoreError) in
            try session.connection.setMeta(ClockSQL.steady, mark.steady.milliseconds)
            try session.connection.setMeta(ClockSQL.offset, mark.offset.milliseconds)
        }
    }

    package func follow(
        offset: Duration, after cursor: FollowedJobs.Cursor?, limit: Int
    ) async throws(StoreError) -> FollowedJobs {
        try await writer.perform { session throws(StoreError) in
            try session.connection.follow(offset: offset, after: cursor, limit: limit)
        }
    }
}

enum ClockSQL {
    static let steady = "clock_steady"
    static let offset = "clock_offset"
    static let named: StaticString =
        """
        SELECT q.names_wall, q.row, f.name, q.lane, q.due, q.deadline, q.state, q.attempt
        FROM queue q INDEXED BY queue_names_wall JOIN functions f ON f.id = q.function
        WHERE q.names_wall IS NOT NULL AND (q.names_wall, q.row) > (?1, ?2)
        ORDER BY q.names_wall, q.row LIMIT ?3
        """
}

extension Connection {
    fileprivate func meta(_ name: String) throws(StoreError) -> Int64? {
        let select = try statement("SELECT value FROM meta WHERE name = ?1").bind(1, name)
        defer { select.reset() }
        return try select.step() ? select.integer(0) : nil
    }

    fileprivate func setMeta(_ name: String, _ value: Int64) throws(StoreError) {
        try statement("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)").bind(1, name).bind(2, value).run()
    }

    fileprivate func follow(
        offset: Duration, after cursor: FollowedJobs.Cursor?, limit: Int
    ) throws(StoreError) -> FollowedJobs {
        let named = try named(after: cursor, limit: limit)
        var followed = FollowedJobs(moved: [], next: named.count < limit ? nil : named.last?.place)
        for job in named where job.mayMove {
            let due = job.place.namesWall + (.zero - offset)
            guard due != job.due else { continue }
            try statement("UPDATE queue SET due = ?2, deadline = ?3 WHERE row = ?1")
                .bind(1, job.place.row).bind(2, due).bind(3, due + (job.deadline - job.due)).run()
            followed.moved.append((job.function, LaneDue(lane: job.lane, due: due)))
        }
        return followed
    }

    private func named(after cursor: FollowedJobs.Cursor?, limit: Int) throws(StoreError) -> [NamedJob] {
        let select = try statement(ClockSQL.named)
            .bind(1, cursor?.namesWall ?? Timestamp(milliseconds: .min)).bind(2, cursor?.row ?? .min).bind(3, limit)
        defer { select.reset() }
        var jobs: [NamedJob] = []
        while try select.step() {
            jobs.append(
                NamedJob(
                    place: FollowedJobs.Cursor(namesWall: select.time(0), row: select.integer(1)),
                    function: select.text(2), lane: select.integer(3), due: select.time(4), deadline: select.time(5),
                    mayMove: select.integer(6) == JobState.queued.rawValue && select.integer(7) == 0))
        }
        return jobs
    }
}

/// A job whose caller named a wall time for it.
private struct NamedJob {
    var place: FollowedJobs.Cursor
    var function: String
    var lane: Int64
    var due: Timestamp
    var deadline: Timestamp
    /// Once it has started it goes by spans.
    var mayMove: Bool
}
