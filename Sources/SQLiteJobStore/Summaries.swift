package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func backlog() async throws(StoreError) -> [Backlog] {
        try await readerThreads.read { connection throws(StoreError) in
            var table = BacklogTable()
            // One read transaction: the counts are of one moment.
            try connection.execute("BEGIN")
            defer { try? connection.execute("COMMIT") }
            try connection.tally(SummarySQL.queued) { table[$0, $1].queued += $2 }
            // All queued jobs were counted; those of accounts and addresses are told apart from the rest.
            try connection.tally(SummarySQL.queuedOfOwners) { function, owner, count in
                table[function, owner].queued += count
                table[function, nil].queued -= count
            }
            for (function, strangers) in try connection.queuedOfStrangers() {
                for (stranger, count) in strangers {
                    table[function, nil, stranger].queued += count
                    table[function, nil].queued -= count
                }
            }
            try connection.tally(SummarySQL.running) { table[$0, $1].running += $2 }
            try connection.tally(SummarySQL.waiting) { table[$0, $1].waiting += $2 }
            return table.rows
        }
    }

    package func oldestDue(of owner: String) async throws(StoreError) -> [String: Timestamp] {
        try await readerThreads.read(for: owner) { connection throws(StoreError) in
            let select = try connection.statement(SummarySQL.oldestDue).bind(1, owner)
            defer { select.reset() }
            var dues: [String: Timestamp] = [:]
            while try select.step() { dues[select.text(0)] = select.time(1) }
            return dues
        }
    }

    package func latestTimes(of owner: String, limit: Int) async throws(StoreError) -> [String: [Int64]] {
        try await readerThreads.read(for: owner) { connection throws(StoreError) in
            let select = try connection.statement(SummarySQL.latestTimes).bind(1, owner).bind(2, limit)
            defer { select.reset() }
            var times: [String: [Int64]] = [:]
            while try select.step() { times[select.text(0), default: []].append(max(0, select.integer(1))) }
            return times
        }
    }

    package func failures(of owner: String?) async throws(StoreError) -> [String: Int] {
        try readers.read { connection throws(StoreError) in
            var number = Tallies.everybody
            if let owner {
                var names = NameNumbers.owners
                guard let id = try names.id(of: owner, on: connection) else { return [:] }
                number = id
            }
            let select = try connection.statement(SummarySQL.failures).bind(1, number)
            defer { select.reset() }
            var counts: [String: Int] = [:]
            while try select.step() { counts[select.text(0)] = select.int(1) }
            return counts
        }
    }
}

/// Counts in the order of an index, so that a million queued jobs need no sorting.
enum SummarySQL {
    static let queued: StaticString =
        """
        SELECT f.name, NULL, q.count FROM
            (SELECT function, count(*) AS count FROM queue INDEXED BY queue_due WHERE state = 0 GROUP BY function) q
            JOIN functions f ON f.id = q.function
        """
    static let queuedOfOwners: StaticString =
        """
        SELECT f.name, o.name, q.count FROM
            (SELECT owner, function, count(*) AS count FROM queue INDEXED BY queue_owner
                WHERE state = 0 AND owner IS NOT NULL GROUP BY owner, function) q
            JOIN functions f ON f.id = q.function JOIN owners o ON o.id = q.owner
        """
    /// Row by row as the table lies: an index would be hit at random places by every call, and a sort of a million rows takes
    /// longer than counting them here.
    static let queuedOfStrangers: StaticString =
        "SELECT function, stranger FROM queue NOT INDEXED WHERE state = 0 AND stranger IS NOT NULL"
    static let functionNames: StaticString = "SELECT id, name FROM functions"
    static let running: StaticString =
        """
        SELECT f.name, o.name, count(*) FROM queue q INDEXED BY queue_running JOIN functions f ON f.id = q.function
            LEFT JOIN owners o ON o.id = q.owner WHERE q.state = 1 GROUP BY q.function, q.owner
        """
    static let waiting: StaticString =
        """
        SELECT f.name, o.name, count(*) FROM queue q INDEXED BY queue_waiting JOIN functions f ON f.id = q.function
            LEFT JOIN owners o ON o.id = q.owner WHERE q.state = 2 GROUP BY q.function, q.owner
        """
    static let oldestDue: StaticString =
        """
        SELECT f.name, q.due FROM
            (SELECT function, min(due) AS due FROM queue INDEXED BY queue_owner
                WHERE state = 0 AND owner IS NOT NULL AND owner = (SELECT id FROM owners WHERE name = ?1)
                GROUP BY function) q
            JOIN functions f ON f.id = q.function
        """
    static let failures: StaticString =
        """
        SELECT f.name, t.count FROM tallies t JOIN functions f ON f.id = t.function
        WHERE t.owner = ?1 AND t.state = 4 AND t.count > 0
        """
    static let latestTimes: StaticString =
        """
        SELECT f.name, o.completed_at - o.final_started_at FROM
            (SELECT row, function FROM jobs INDEXED BY jobs_owner WHERE owner IS NOT NULL AND owner = ?1
                ORDER BY row DESC LIMIT ?2) j
            JOIN functions f ON f.id = j.function JOIN outcomes o ON o.job = j.row
        WHERE o.final_started_at IS NOT NULL
        """
}

extension Connection {
    /// Rows of function, owner and count.
    fileprivate func tally(_ sql: StaticString, _ body: (String, String?, Int) -> Void) throws(StoreError) {
        let select = try statement(sql)
        defer { select.reset() }
        while try select.step() { body(select.text(0), select.optionalText(1), select.int(2)) }
    }

    /// By the function's name.
    fileprivate func queuedOfStrangers() throws(StoreError) -> [String: [CallerAddress: Int]] {
        var counts: [Int64: [CallerAddress: Int]] = [:]
        let select = try statement(SummarySQL.queuedOfStrangers)
        defer { select.reset() }
        while try select.step() {
            counts[select.integer(0), default: [:]][CallerAddress(number: select.integer(1)), default: 0] += 1
        }
        if counts.isEmpty { return [:] }
        var named: [String: [CallerAddress: Int]] = [:]
        let names = try statement(SummarySQL.functionNames)
        defer { names.reset() }
        while try names.step() { named[names.text(1)] = counts[names.integer(0)] }
        return named
    }
}

private struct BacklogTable {
    private struct Key: Hashable {
        var function: String
        var owner: String?
        var stranger: CallerAddress?
    }

    private var backlogs: [Key: Backlog] = [:]

    subscript(function: String, owner: String?, stranger: CallerAddress? = nil) -> Backlog {
        get {
            backlogs[Key(function: function, owner: owner, stranger: stranger)]
                ?? Backlog(function: function, owner: owner, stranger: stranger)
        }
        set { backlogs[Key(function: function, owner: owner, stranger: stranger)] = newValue }
    }

    var rows: [Backlog] {
        backlogs.values.filter { $0.queued + $0.running + $0.waiting > 0 }
            .sorted {
                ($0.function, $0.owner ?? "", $0.stranger?.number ?? .min)
                    < ($1.function, $1.owner ?? "", $1.stranger?.number ?? .min)
            }
    }
}
