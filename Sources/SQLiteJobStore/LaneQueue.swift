internal import JobModel
internal import JobStore

/// The statements that walk along lanes name their index: without it SQLite's planner picks another, six times slower and
/// slower still with every queued job.
enum LaneSQL {
    static let priority: StaticString =
        """
        SELECT max(priority) FROM queue INDEXED BY queue_due
        WHERE state = 0 AND function = ?1 AND lane = ?2 AND priority < ?3
        """
    /// Everything of the lane's highest priority below ?3, the earliest due first. ?4 is the function's name, ?5 whether
    /// payloads are read: of what may still start at ?6, for many may be past their `maxWait` after an outage.
    static let walk: StaticString =
        """
        SELECT j.row, j.random, ?4, j.owner, j.revision, j.created_at, j.scheduled_for, j.priority,
            iif(?5 AND q.deadline > ?6, j.payload, NULL), j.parameters, j.client, j.webhook, j.headers, j.type, j.options,
            q.run, q.attempt, q.used, q.lost, q.deadline, q.lease, q.started_at, q.revision, q.last_error,
            q.lane, q.due, q.state, q.priority
        FROM queue q INDEXED BY queue_due LEFT JOIN jobs j ON j.row = q.row
        WHERE q.state = 0 AND q.function = ?1 AND q.lane = ?2 AND q.priority =
            (SELECT max(priority) FROM queue INDEXED BY queue_due
            WHERE state = 0 AND function = ?1 AND lane = ?2 AND priority < ?3)
        ORDER BY q.due
        """
    static let nextLane: StaticString =
        "SELECT min(lane) FROM queue INDEXED BY queue_due WHERE state = 0 AND function = ?1 AND lane > ?2"
    static let queuedRows: StaticString =
        """
        SELECT row, due FROM queue INDEXED BY queue_due
        WHERE state = 0 AND function = ?1 AND lane = ?2 AND priority = ?3 ORDER BY due LIMIT ?4
        """
}

/// One lane of one function in the queue.
struct LaneQueue {
    /// Above every priority.
    static let above = Int64.max

    let function: Int64
    let name: String
    let lane: Int64
    let connection: Connection

    /// What a lane has of one priority.
    struct Stretch {
        var priority: Int64
        /// Due, and not past their `maxWait`: the earliest due first.
        var due: [LiveJob] = []
        /// When the next one is due: `now` where more are due than were asked for.
        var nextDue: Timestamp?
        /// Whether more are due than were asked for.
        var isCut = false
    }

    /// The stretch of the highest priority below this one; nil when there is none.
    func stretch(
        below priority: Int64, limit: Int, payloads: Bool = true, at now: Timestamp
    ) throws(StoreError) -> Stretch? {
        let select = try connection.statement(LaneSQL.walk)
            .bind(1, function).bind(2, lane).bind(3, priority).bind(4, name).bind(5, payloads ? 1 : 0)
            .bind(6, now)
        defer { select.reset() }
        var stretch: Stretch?
        while try select.step() {
            var current = stretch ?? Stretch(priority: select.integer(27))
            defer { stretch = current }
            let due = select.time(25)
            guard due <= now else {
                current.nextDue = due
                break
            }
            // Past its `maxWait`: it ends without starting.
            if select.time(19) <= now { continue }
            guard current.due.count < limit else {
                (current.nextDue, current.isCut) = (now, true)
                break
            }
            if select.isNull(0) { throw .corrupt("a queued job is missing from the table of jobs") }
            current.due.append(select.liveJob())
        }
        return stretch
    }

    func highestPriority(below priority: Int64) throws(StoreError) -> Int64? {
        let select = try connection.statement(LaneSQL.priority).bind(1, function).bind(2, lane).bind(3, priority)
        defer { select.reset() }
        return try select.step() ? select.optionalInteger(0) : nil
    }

    /// All of a priority, whether due or not, and whether or not their `maxWait` is over: the earliest due first.
    func queuedRows(_ priority: Int64, limit: Int) throws(StoreError) -> [(row: Int64, due: Timestamp)] {
        let select = try connection.statement(LaneSQL.queuedRows)
            .bind(1, function).bind(2, lane).bind(3, priority).bind(4, limit)
        defer { select.reset() }
        var rows: [(row: Int64, due: Timestamp)] = []
        while try select.step() { rows.append((select.integer(0), select.time(1))) }
        return rows
    }
}
