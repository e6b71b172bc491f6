internal import JobModel
internal import JobStore

/// Jobs that may match a filter, in the order of their rows, merged from the sources that have them.
///
/// It reads as far as it is asked to: whoever asks looks at the clock. It must not outlive the read transaction.
struct Candidates {
    private struct Source {
        let states: Set<JobFilter.Status>
        let select: Statement
        var head: JobFacts?

        mutating func advance() throws(StoreError) {
            if try select.step() {
                head = try JobFacts(select)
            } else {
                head = nil
            }
        }
    }

    private let filter: JobFilter
    private let newestFirst: Bool
    private let now: Timestamp
    private let connection: Connection
    private let function: Int64?
    private var sources: [Source] = []
    /// Rows found by idempotency keys, the next one last.
    private var keyed: [Int64] = []

    init(
        _ filter: JobFilter, after cursor: Int64?, newestFirst: Bool, at now: Timestamp, on connection: Connection
    ) throws(StoreError) {
        self.filter = filter
        self.newestFirst = newestFirst
        self.now = now
        self.connection = connection
        guard let names = try FilterNumbers(filter, on: connection) else {
            function = nil
            return
        }
        function = names.function
        let start = cursor ?? (newestFirst ? .max : .min)
        if let keys = filter.keys {
            keyed = try connection.rows(ofKeys: keys).filter { newestFirst ? $0 < start : $0 > start }
            keyed.sort(by: newestFirst ? (<) : (>))
            return
        }
        for (source, states) in ListSource.all(for: filter) {
            let select = try connection.prepare(source.sql(newestFirst: newestFirst))
                .bind(1, start).bind(3, source.state?.rawValue).bind(4, names.function).bind(5, filter.owner)
                .bind(6, names.owner)
            var added = Source(states: states, select: select)
            try added.advance()
            sources.append(added)
        }
    }

    /// The next one, and whether it matches; nil when there is none.
    mutating func next() throws(StoreError) -> (row: Int64, matches: Bool)? {
        if let row = keyed.popLast() { return (row, try matches(keyed: row)) }
        let heads = sources.compactMap { $0.head?.row }
        guard let row = newestFirst ? heads.max() : heads.min() else { return nil }
        var matches = false
        // A row may stand in two sources, of which one does not answer for its state: it is one candidate.
        for index in sources.indices {
            guard let facts = sources[index].head, facts.row == row else { continue }
            if try self.matches(facts, sources[index].states) { matches = true }
            try sources[index].advance()
        }
        return (row, matches)
    }

    private func matches(_ facts: JobFacts, _ states: Set<JobFilter.Status>) throws(StoreError) -> Bool {
        guard states.contains(JobFilter.Status(facts.state, due: facts.due, at: now)) else { return false }
        if let function, let other = facts.function, other != function { return false }
        guard filter.since != nil || filter.until != nil else { return true }
        var time = facts.completedAt ?? facts.createdAt
        if time == nil { time = try connection.createdAt(facts.row) }
        guard let time else { return false }
        if let since = filter.since, time < since { return false }
        if let until = filter.until, time >= until { return false }
        return true
    }

    private func matches(keyed row: Int64) throws(StoreError) -> Bool {
        let select = try connection.statement(ListSQL.oneJob).bind(1, row).bind(2, filter.owner)
        defer { select.reset() }
        guard try select.step() else { return false }
        return try matches(try JobFacts(select), filter.states)
    }
}

enum ListSQL {
    static let keyed: StaticString = "SELECT job FROM idempotency WHERE scope = ?1"
    static let createdAt: StaticString = "SELECT created_at FROM jobs WHERE row = ?1"
    static let oneJob: StaticString =
        """
        SELECT j.row, j.function, j.created_at, q.state, q.due, o.state, o.completed_at
        FROM jobs j LEFT JOIN queue q ON q.row = j.row
            LEFT JOIN outcomes o ON o.job = j.row AND o.run = (SELECT max(run) FROM outcomes WHERE job = j.row)
        WHERE j.row = ?1 AND (?2 IS NULL OR j.owner = ?2)
        """
}

/// The numbers of a filter's names; nil when one of them has had no job: then nothing matches.
struct FilterNumbers {
    var function: Int64?
    var owner: Int64?

    init?(_ filter: JobFilter, on connection: Connection) throws(StoreError) {
        if let name = filter.function {
            var names = NameNumbers.functions
            guard let id = try names.id(of: name, on: connection) else { return nil }
            function = id
        }
        if let name = filter.owner {
            var names = NameNumbers.owners
            guard let id = try names.id(of: name, on: connection) else { return nil }
            owner = id
        }
    }
}

extension Connection {
    fileprivate func createdAt(_ row: Int64) throws(StoreError) -> Timestamp? {
        let select = try statement(ListSQL.createdAt).bind(1, row)
        defer { select.reset() }
        return try select.step() ? select.time(0) : nil
    }

    /// Every job once that was accepted with one of these keys.
    fileprivate func rows(ofKeys scopes: [[UInt8]]) throws(StoreError) -> [Int64] {
        var rows: Set<Int64> = []
        for scope in scopes {
            let select = try statement(ListSQL.keyed).bind(1, scope)
            defer { select.reset() }
            if try select.step() { rows.insert(select.integer(0)) }
        }
        return Array(rows)
    }
}
