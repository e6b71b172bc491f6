package import JobStore

/// The embedded store: one SQLite file, one process.
package final class SQLiteJobStore: EngineStore {
    let writer: Writer
    let readers: ReaderPool
    let readerThreads: ReaderThreads
    let uptime: @Sendable () -> Int64
    private let files: OpenedFiles
    private let health: StoreHealth
    /// Held while the store is open.
    private let lock: DatabaseLock?

    /// Opens the database. When its disk takes no writes it can still be read: then the first write that succeeds does
    /// what else belongs to an opening.
    ///
    /// - Parameters:
    ///   - path: the database file; made when it is not there.
    ///   - lock: the process's claim on the file.
    ///   - readyReaders: connections for reading that are opened at once: as many as there are threads that read go on when
    ///     the file is no longer in its place, where none can be opened.
    ///   - uptime: nanoseconds of a monotonic clock, for the statistics, the bounds of lists and for what is tried again.
    ///   - onMigration: told every few seconds how far a file of an older version is; see `MigrationProgress`.
    ///   - onTrouble: told when a trouble begins, with its reason, and with nil when it is over.
    ///   - onFatal: see `Writer`.
    package init(
        path: String, lock: DatabaseLock? = nil, readyReaders: Int = 0,
        uptime: @escaping @Sendable () -> Int64 = { 0 },
        onMigration: @Sendable (MigrationProgress) -> Void = { _ in },
        onTrouble: @escaping @Sendable (StoreTrouble, String?) -> Void = { _, _ in },
        onFatal: @escaping @Sendable (StoreError) -> Void = { _ in }
    ) throws(StoreError) {
        let connection = try Connection(path: path, role: .writer, check: Schema.check)
        try Schema.migrate(connection, uptime: uptime, progress: onMigration)
        let logPath = connection.fileName + "-wal"
        guard let database = FileIdentity(path: path), database == lock?.identity ?? database else {
            throw .unavailable("\(path) was replaced while it was opened")
        }
        let health = StoreHealth(onChange: onTrouble)
        files = OpenedFiles(path: path, database: database, logPath: logPath, log: FileIdentity(path: logPath))
        let session = WriterSession(connection: connection, ids: try IDSource(connection), files: files) {
            if let log = FileIdentity(path: logPath) { lock?.note(log: log) }
        }
        do throws(StoreError) {
            try session.boot()
        } catch {
            switch error {
            case .full, .unavailable: health.set(.writes, "\(error)")
            case .corrupt, .syncFailed, .unsuitable, .busy, .closed: throw error
            }
        }
        readers = try ReaderPool(path: path, files: files, health: health, ready: readyReaders)
        readerThreads = ReaderThreads(path: path)
        self.uptime = uptime
        self.lock = lock
        self.health = health
        writer = Writer(session, health: health, uptime: uptime, onFatal: onFatal)
    }

    /// A store that nobody has closed leaves no threads and no connections behind.
    deinit {
        readers.close()
        readerThreads.stop()
        writer.stop()
    }

    /// What must not be overwritten while it is open, by whatever name.
    package var openFiles: [FileIdentity] { [files.database] + (files.log.map { [$0] } ?? []) }

    package func probe() async throws(StoreError) {
        // A value that does not change would leave its page clean, and the commit would write nothing.
        let written = try await writer.perform { session throws(StoreError) in
            try session.connection.statement(
                """
                INSERT INTO meta (name, value) VALUES ('probe', 1)
                ON CONFLICT (name) DO UPDATE SET value = value + 1
                """
            ).run()
            return try session.connection.probe()
        }
        // By a connection without a cache of its own that is still good: what the disk has, at the ends where jobs go.
        let read = try readers.read { connection throws(StoreError) in try connection.probe() }
        guard read >= written else { throw .corrupt("a value that was written is not there") }
        if let reason = health[.damage] { throw .corrupt(reason) }
        if let reason = health[.checkpoints] {
            throw .unavailable("the log cannot be brought into the database: \(reason)")
        }
    }

    package var statistics: StoreStatistics { writer.statistics }

    package func close() async {
        // The writer goes last: then the whole database is in its one file, and no -wal is left beside it.
        readers.close()
        await readerThreads.close()
        await writer.close()
        // SQLite deletes the log after it has brought everything into the database, and only then.
        let isWhole = FileIdentity(path: files.logPath) == nil && FileIdentity(path: files.path) == files.database
        if isWhole { lock?.noteClosed() }
    }
}

extension Connection {
    fileprivate func probe() throws(StoreError) -> Int64 {
        let select = try statement(
            """
            SELECT value, (SELECT max(row) FROM jobs), (SELECT max(row) FROM queue), (SELECT max(job) FROM outcomes)
            FROM meta WHERE name = 'probe'
            """)
        defer { select.reset() }
        return try select.step() ? select.integer(0) : 0
    }
}
