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
    private enum Standing { case open, closed, abandoned }
    private var standing = Standing.open
    /// Of the latest failure.
    private let errors: ConnectionErrors
    /// Written by SQLite after each commit of this connection.
    private let logPages = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
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
        logPages.initialize(to: 0)
        if role == .writer { Self.make(path) }
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK, let opened else {
            let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            let systemCode = opened.map { sqlite3_system_errno($0) } ?? 0
            sqlite3_close_v2(opened)
            logPages.deallocate()
            throw StoreError(code: code, systemCode: systemCode, message: "\(message) (\(path))")
        }
        handle = opened
        errors = ConnectionErrors(opened)
        try execute("PRAGMA busy_timeout = 5000")
        try check(self)
        switch role {
        case .writer:
            try configureWriter()
        case .reader:
            try execute("PRAGMA query_only = ON; PRAGMA cache_size = -8192")
            // Opens the log too, which SQLite leaves to the first read.
            _ = try text(of: "SELECT count(*) FROM sqlite_schema")
        case .copy:
            break
        }
    }

    /// Payloads are for nobody else on this machine; the files beside it get the mode of this one. A file that is there is
    /// not opened: see `FileIdentity`.
    private static func make(_ path: String) {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { Glibc.close(descriptor) }
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
            PRAGMA wal_autocheckpoint = 0;
            PRAGMA cache_size = -65536;
            PRAGMA secure_delete = FAST;
            PRAGMA temp_store = MEMORY;
            """)
        let journal = try text(of: "PRAGMA journal_mode")
        guard journal == "wal" else {
            throw .unsuitable("the database cannot use a write-ahead log (journal_mode is \(journal))")
        }
        let synchronous = try text(of: "PRAGMA synchronous")
        guard synchronous == "2" else {
            throw .unsuitable("the database does not sync its commits (synchronous is \(synchronous), not 2)")
        }
        sqlite3_wal_hook(
            handle,
            { pages, _, _, count in
                pages?.assumingMemoryBound(to: Int32.self).pointee = count
                return SQLITE_OK
            }, logPages)
    }

    deinit {
        // SQLite writes to it as long as the handle is open.
        guard standing != .abandoned else { return }
        close()
        logPages.deallocate()
    }

    /// Pages in the log after the latest commit of this connection.
    var pagesInLog: Int { Int(logPages.pointee) }

    /// Brings into the database what of the log nobody reads any more, and syncs it. Waits for nobody.
    func checkpoint() throws(StoreError) {
        let code = sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        switch code & 0xFF {
        case SQLITE_OK, SQLITE_BUSY, SQLITE_LOCKED: return
        // A checkpoint writes into the database, everything else into the log.
        default: throw errors.failureOfCheckpoint(code)
        }
    }

    /// The database file's absolute name, with symbolic links resolved: the log lies beside it.
    var fileName: String { sqlite3_db_filename(handle, "main").map { String(cString: $0) } ?? "" }

    /// Nothing else may be called afterwards. The last connection that may write brings everything into the one file.
    func close() {
        guard standing == .open else { return }
        standing = .closed
        statements.removeAll()
        sqlite3_close_v2(handle)
    }

    /// Leaves everything as it is until the process ends, which it should do soon. To close is to bring the log into the
    /// database and to delete it: a failed sync forbids that.
    func abandon() { standing = .abandoned }

    func failure(_ code: Int32) -> StoreError { errors.failure(code) }

    /// Whether the latest failure since the latest `begin` speaks of the disk, not of what was asked.
    var diskHasFailed: Bool { StoreError.isOfTheDisk(errors.lastCode) }

    func begin() throws(StoreError) {
        errors.forget()
        try execute("BEGIN IMMEDIATE")
    }

    /// SQLite has done it by itself after most failures of the disk.
    func rollBack() { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }

    /// Runs statements that return nothing of interest.
    func execute(_ sql: String) throws(StoreError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code) }
    }

    /// The first column of the first row of a query, as text.
    func text(of sql: String) throws(StoreError) -> String {
        let statement = try prepare(sql)
        defer { statement.reset() }
        return try statement.step() ? statement.text(0) : ""
    }

    /// A statement of its own, for what is asked seldom or never alike.
    func prepare(_ sql: String) throws(StoreError) -> Statement { try Statement(sql, on: handle, errors) }

    /// The prepared form of `sql`, kept for the life of the connection, reset and without bindings.
    func statement(_ sql: StaticString) throws(StoreError) -> Statement {
        if let known = statements[sql.utf8Start] {
            known.reset()
            return known
        }
        let statement = try prepare(sql.description)
        statements[sql.utf8Start] = statement
        return statement
    }

    /// Rows that the latest insert, update or delete touched.
    var changes: Int { Int(sqlite3_changes(handle)) }

    /// Rows that were touched since the connection was opened; wraps around.
    var totalChanges: Int32 { sqlite3_total_changes(handle) }
}
