internal import CSQLite
private import Glibc
internal import JobStore

/// One SQLite handle with its prepared statements, used by one thread at a time.
final class Connection {
    enum Role {
        case writer, reader
        /// The target of a backup: nothing is decided about it, it becomes what its source is.
        case copy
    }

    let handle: OpaquePointer
    private var isOpen = true
    /// By the address of their text: a static string stands once in the binary.
    private var statements: [UnsafePointer<UInt8>: Statement] = [:]

    /// - Parameter check: looks at the file before anything in it is changed.
    init(
        path: String, role: Role, check: (Connection) throws(StoreError) -> Void = { _ in }
    ) throws(StoreError) {
        let flags =
            switch role {
            case .writer, .copy: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .reader: SQLITE_OPEN_READONLY
            }
        // Payloads are for nobody else on this machine; the files beside it get the mode of this one.
        if role == .writer { Glibc.close(Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)) }
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK, let opened else {
            let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(opened)
            throw StoreError(code: code, message: "\(message) (\(path))")
        }
        handle = opened
        try execute("PRAGMA busy_timeout = 5000")
        try check(self)
        switch role {
        case .writer:
            try configureWriter()
        case .reader:
            try execute("PRAGMA query_only = ON; PRAGMA cache_size = -8192")
        case .copy:
            break
        }
    }

    /// Durable means FULL: under NORMAL a power cut loses commits that were answered. Read back, because a build or a
    /// file may decide otherwise in silence.
    private func configureWriter() throws(StoreError) {
        // Page size and journal first; the rest of a fresh file depends on them.
        try execute(
            """
            PRAGMA page_size = 4096;
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            PRAGMA wal_autocheckpoint = 1000;
            PRAGMA cache_size = -65536;
            PRAGMA secure_delete = FAST;
            PRAGMA temp_store = MEMORY;
            """)
        let journal = try text(of: "PRAGMA journal_mode")
        guard journal == "wal" else {
            throw .unavailable("the database cannot use a write-ahead log (journal_mode is \(journal))")
        }
        let synchronous = try text(of: "PRAGMA synchronous")
        guard synchronous == "2" else {
            throw .unavailable("the database does not sync its commits (synchronous is \(synchronous), not 2)")
        }
    }

    deinit { close() }

    /// Nothing else may be called afterwards. The last connection that may write brings everything into the one file.
    func close() {
        guard isOpen else { return }
        isOpen = false
        statements.removeAll()
        sqlite3_close_v2(handle)
    }

    func failure(_ code: Int32) -> StoreError {
        StoreError(code: code, message: String(cString: sqlite3_errmsg(handle)))
    }

    /// Runs statements that return nothing of interest.
    func execute(_ sql: String) throws(StoreError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code) }
    }

    /// The first column of the first row of a query, as text.
    func text(of sql: String) throws(StoreError) -> String {
        let statement = try Statement(sql, on: self)
        defer { statement.reset() }
        return try statement.step() ? statement.text(0) : ""
    }

    /// The prepared form of `sql`, kept for the life of the connection, reset and without bindings.
    func statement(_ sql: StaticString) throws(StoreError) -> Statement {
        if let known = statements[sql.utf8Start] {
            known.reset()
            return known
        }
        let statement = try Statement(sql.description, on: self)
        statements[sql.utf8Start] = statement
        return statement
    }

    /// Rows that the latest insert, update or delete touched.
    var changes: Int { Int(sqlite3_changes(handle)) }
}
