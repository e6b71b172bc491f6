internal import JobModel
internal import JobStore

/// Names as small numbers, so that the queue stays narrow. Known ones are remembered.
struct NameNumbers {
    /// Beyond so many the memory starts afresh: names of accounts come from outside.
    private static let remembered = 100_000

    private let select: StaticString
    private let insert: StaticString
    private var ids: [String: Int64] = [:]

    static let functions = NameNumbers(
        select: "SELECT id FROM functions WHERE name = ?1", insert: "INSERT INTO functions (name) VALUES (?1)")
    static let owners = NameNumbers(
        select: "SELECT id FROM owners WHERE name = ?1", insert: "INSERT INTO owners (name) VALUES (?1)")

    private init(select: StaticString, insert: StaticString) {
        self.select = select
        self.insert = insert
    }

    /// The number of a name that has had jobs, or nil.
    mutating func id(of name: String, on connection: Connection) throws(StoreError) -> Int64? {
        if let known = ids[name] { return known }
        let select = try connection.statement(select)
        defer { select.reset() }
        guard try select.bind(1, name).step() else { return nil }
        let id = select.integer(0)
        if ids.count >= Self.remembered { forget() }
        ids[name] = id
        return id
    }

    mutating func idOrNew(of name: String, on connection: Connection) throws(StoreError) -> Int64 {
        if let known = try id(of: name, on: connection) { return known }
        try connection.statement(insert).bind(1, name).run()
        guard let id = try id(of: name, on: connection) else { throw .corrupt("a name did not stay") }
        return id
    }

    mutating func forget() { ids = [:] }
}
