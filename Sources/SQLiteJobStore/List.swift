package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func list(
        _ filter: JobFilter, after cursor: Int64?, newestFirst: Bool, limit: Int, including parts: JobParts,
        at now: Timestamp
    ) async throws(StoreError) -> JobPage {
        try readers.read { connection throws(StoreError) in
            var page = JobPage(jobs: [], next: nil)
            var candidates = Candidates(filter, after: cursor, newestFirst: newestFirst, on: connection)
            while let row = try candidates.next() {
                if page.jobs.count == limit || candidates.isExhausted {
                    // The last one that was looked at: the next page begins behind it.
                    page.next = candidates.previous
                    break
                }
                guard let job = try connection.snapshot(row: row, including: parts),
                    filter.matches(job, at: now)
                else { continue }
                page.jobs.append(job)
            }
            return page
        }
    }

    package func count(_ filter: JobFilter, limit: Int, at now: Timestamp) async throws(StoreError) -> JobCount {
        try readers.read { connection throws(StoreError) in
            var count = 0
            var candidates = Candidates(filter, after: nil, newestFirst: true, on: connection)
            while let row = try candidates.next() {
                if count >= limit || candidates.isExhausted { return JobCount(count: count, isExact: false) }
                if let job = try connection.snapshot(row: row, including: []), filter.matches(job, at: now) {
                    count += 1
                }
            }
            return JobCount(count: count, isExact: true)
        }
    }
}

/// Rows that may match, in order, from the narrowest index that has them all.
private struct Candidates {
    /// So many rows are looked at in one call; then it answers with what it has.
    /// A row costs a few microseconds on the thread of whoever asks.
    private static let budget = 4000
    private static let batch = 200

    private let filter: JobFilter
    private let newestFirst: Bool
    private let connection: Connection
    private var rows: ArraySlice<Int64> = []
    private var last: Int64
    private var looked = 0
    private var isAtEnd = false
    /// The row before the latest one.
    private(set) var previous: Int64?

    init(_ filter: JobFilter, after cursor: Int64?, newestFirst: Bool, on connection: Connection) {
        self.filter = filter
        self.newestFirst = newestFirst
        self.connection = connection
        last = cursor ?? (newestFirst ? .max : .min)
    }

    var isExhausted: Bool { looked > Self.budget }

    mutating func next() throws(StoreError) -> Int64? {
        if rows.isEmpty, !isAtEnd {
            rows = try fill()[...]
            isAtEnd = rows.count < Self.batch
        }
        guard let row = rows.popFirst() else { return nil }
        previous = last == .max || last == .min ? nil : last
        last = row
        looked += 1
        return row
    }

    private func fill() throws(StoreError) -> [Int64] {
        let select = try connection.statement(sql).bind(1, last).bind(2, Self.batch)
        defer { select.reset() }
        switch filter.status {
        case .failed?: select.bind(3, JobState.failed.rawValue)
        case .timeout?: select.bind(3, JobState.timeout.rawValue)
        case .cancelled?: select.bind(3, JobState.cancelled.rawValue)
        case .pending?, .delayed?, .processing?, .waiting?, .completed?, nil: break
        }
        if let owner = filter.owner { select.bind(4, owner) }
        var rows: [Int64] = []
        while try select.step() { rows.append(select.integer(0)) }
        return rows
    }

    private var sql: StaticString {
        switch (filter.status, filter.owner != nil) {
        case (.pending?, false), (.delayed?, false), (.waiting?, false): ListSQL.live(newestFirst)
        case (.pending?, true), (.delayed?, true): ListSQL.queuedOfOwner(newestFirst)
        case (.waiting?, true): ListSQL.waitingOfOwner(newestFirst)
        case (.processing?, false): ListSQL.running(newestFirst)
        case (.processing?, true): ListSQL.runningOfOwner(newestFirst)
        case (.failed?, false), (.timeout?, false), (.cancelled?, false): ListSQL.unhappy(newestFirst)
        case (.failed?, true), (.timeout?, true), (.cancelled?, true): ListSQL.unhappyOfOwner(newestFirst)
        case (.completed?, false), (nil, false): ListSQL.all(newestFirst)
        case (.completed?, true), (nil, true): ListSQL.allOfOwner(newestFirst)
        }
    }
}

/// ?1 where to go on, ?2 how many, ?3 a terminal state, ?4 an owner. What an owner is shown comes from the owner's rows
/// alone: how far a page reaches must not tell what others have.
private enum ListSQL {
    static func live(_ newestFirst: Bool) -> StaticString {
        newestFirst
            ? "SELECT row FROM queue WHERE row < ?1 ORDER BY row DESC LIMIT ?2"
            : "SELECT row FROM queue WHERE row > ?1 ORDER BY row LIMIT ?2"
    }

    /// Sorts what one account has queued, which `accounts.maxQueued` bounds.
    static func queuedOfOwner(_ newestFirst: Bool) -> StaticString {
        newestFirst
            ? """
            SELECT row FROM queue INDEXED BY queue_owner WHERE state = 0 AND owner IS NOT NULL
                AND owner = (SELECT id FROM owners WHERE name = ?4) AND row < ?1 ORDER BY row DESC LIMIT ?2
            """
            : """
            SELECT row FROM queue INDEXED BY queue_owner WHERE state = 0 AND owner IS NOT NULL
                AND owner = (SELECT id FROM owners WHERE name = ?4) AND row > ?1 ORDER BY row LIMIT ?2
            """
    }

    static func waitingOfOwner(_ newestFirst: Bool) -> StaticString {
        newestFirst
            ? """
            SELECT row FROM queue INDEXED BY queue_waiting WHERE state = 2
                AND owner = (SELECT id FROM owners WHERE name = ?4) AND row < ?1 ORDER BY row DESC LIMIT ?2
            """
            : """
            SELECT row FROM queue INDEXED BY queue_waiting WHERE state = 2
                AND owner = (SELECT id FROM owners WHERE name = ?4) AND row > ?1 ORDER BY row LIMIT ?2
            """
    }

    static func running(_ newestFirst: Bool) -> StaticString {
        newestFirst
            ? "SELECT row FROM queue INDEXED BY queue_running WHERE state = 1 AND row < ?1 ORDER BY row DESC LIMIT ?2"
            : "SELECT row FROM queue INDEXED BY queue_running WHERE state = 1 AND row > ?1 ORDER BY row LIMIT ?2"
    }

    static func runningOfOwner(_ newestFirst: Bool) -> StaticString {
        newestFirst
            ? """
            SELECT row FROM queue INDEXED BY queue_running WHERE state = 1
                AND owner = (SELECT id FROM owners WHERE name = ?4) AND row < ?1 ORDER BY row DESC LIMIT ?2
            """
            : """
            SELECT row FROM queue INDEXED BY queue_running WHERE state = 1
                AND owner = (SELECT id FROM owners WHERE name = ?4) AND row > ?1 ORDER BY row LIMIT ?2
            """
    }

    static func unhappy(_ newestFirst: Bool) -> StaticString {
        newestFirst
            ? """
            SELECT DISTINCT job FROM outcomes INDEXED BY outcomes_unhappy
            WHERE state <> 3 AND state = ?3 AND job < ?1 ORDER BY job DESC LIMIT ?2
            """
            : """
            SELECT DISTINCT job FROM outcomes INDEXED BY outcomes_unhappy
            WHERE state <> 3 AND state = ?3 AND job > ?1 ORDER BY job LIMIT ?2
            """
    }

    static func unhappyOfOwner(_ newestFirst: Bool) -> StaticString {
        newestFirst
            ? """
            SELECT DISTINCT job FROM outcomes INDEXED BY outcomes_unhappy_owner
            WHERE state <> 3 AND owner IS NOT NULL AND owner = (SELECT id FROM owners WHERE name = ?4) AND state = ?3
                AND job < ?1 ORDER BY job DESC LIMIT ?2
            """
            : """
            SELECT DISTINCT job FROM outcomes INDEXED BY outcomes_unhappy_owner
            WHERE state <> 3 AND owner IS NOT NULL AND owner = (SELECT id FROM owners WHERE name = ?4) AND state = ?3
                AND job > ?1 ORDER BY job LIMIT ?2
            """
    }

    static func all(_ newestFirst: Bool) -> StaticString {
        newestFirst
            ? "SELECT row FROM jobs WHERE row < ?1 ORDER BY row DESC LIMIT ?2"
            : "SELECT row FROM jobs WHERE row > ?1 ORDER BY row LIMIT ?2"
    }

    static func allOfOwner(_ newestFirst: Bool) -> StaticString {
        newestFirst
            ? """
            SELECT row FROM jobs INDEXED BY jobs_owner
            WHERE owner IS NOT NULL AND owner = ?4 AND row < ?1 ORDER BY row DESC LIMIT ?2
            """
            : """
            SELECT row FROM jobs INDEXED BY jobs_owner
            WHERE owner IS NOT NULL AND owner = ?4 AND row > ?1 ORDER BY row LIMIT ?2
            """
    }
}

extension Connection {
    fileprivate func snapshot(row: Int64, including parts: JobParts) throws(StoreError) -> JobSnapshot? {
        let select = try statement(FetchSQL.snapshot)
            .bind(1, row).bind(2, parts.contains(.payload) ? 1 : 0).bind(3, parts.contains(.value) ? 1 : 0)
        defer { select.reset() }
        guard try select.step() else { return nil }
        return try snapshot(of: select.job(), from: select)
    }
}
