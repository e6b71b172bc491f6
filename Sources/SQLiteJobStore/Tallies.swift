internal import JobModel
internal import JobStore

/// How many ended jobs are kept, by owner, function and state: a count of millions is one look.
///
/// The writer adds up what a batch changes and writes each sum once, in the batch's own commit.
struct Tallies {
    /// Stands for the jobs of all owners and of none.
    static let everybody: Int64 = 0

    private struct Key: Hashable {
        var owner: Int64
        var function: Int64
        var state: Int64
    }

    private var changes: [Key: Int] = [:]

    mutating func add(_ count: Int, function: Int64, owner: Int64?, state: Int64) {
        changes[Key(owner: Self.everybody, function: function, state: state), default: 0] += count
        if let owner { changes[Key(owner: owner, function: function, state: state), default: 0] += count }
    }

    /// What was added was rolled back.
    mutating func forget() { changes = [:] }

    mutating func write(on connection: Connection) throws(StoreError) {
        guard !changes.isEmpty else { return }
        for (key, count) in changes where count != 0 {
            try connection.statement(
                """
                INSERT INTO tallies (owner, function, state, count) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (owner, function, state) DO UPDATE SET count = count + excluded.count
                """
            ).bind(1, key.owner).bind(2, key.function).bind(3, key.state).bind(4, count).run()
            guard count < 0 else { continue }
            // Owners come and go.
            try connection.statement(
                "DELETE FROM tallies WHERE owner = ?1 AND function = ?2 AND state = ?3 AND count <= 0"
            ).bind(1, key.owner).bind(2, key.function).bind(3, key.state).run()
        }
        changes = [:]
    }
}
