internal import JobModel
internal import JobStore

/// Function names as small numbers, so that the queue stays narrow.
struct FunctionNames {
    private var ids: [String: Int64] = [:]

    /// The number of a function that has had jobs, or nil.
    mutating func id(of name: String, on connection: Connection) throws(StoreError) -> Int64? {
        if let known = ids[name] { return known }
        let select = try connection.statement("SELECT id FROM functions WHERE name = ?1")
        defer { select.reset() }
        guard try select.bind(1, name).step() else { return nil }
        let id = select.integer(0)
        ids[name] = id
        return id
    }

    mutating func idOrNew(of name: String, on connection: Connection) throws(StoreError) -> Int64 {
        if let known = try id(of: name, on: connection) { return known }
        try connection.statement("INSERT INTO functions (name) VALUES (?1)").bind(1, name).run()
        guard let id = try id(of: name, on: connection) else { throw .corrupt("a function name did not stay") }
        return id
    }
}

/// Rows for new jobs, above every row that was ever given out.
struct IDSource {
    private var sequence: JobIDSequence

    /// Looks at tombstones too: the newest job may be gone.
    init(_ connection: Connection) throws(StoreError) {
        let last = try connection.text(
            of: "SELECT max(ifnull((SELECT max(row) FROM jobs), 0), ifnull((SELECT max(row) FROM tombstones), 0))")
        sequence = JobIDSequence(last: Int64(last) ?? 0)
    }

    mutating func next(now: Timestamp, random: UInt64) -> JobID { sequence.next(now: now, random: random) }
}
