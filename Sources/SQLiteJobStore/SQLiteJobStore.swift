package import JobStore

/// The embedded store: one SQLite file, one process.
package final class SQLiteJobStore: JobStore {
    let writer: Writer
    let readers: ReaderPool
    let readerThreads: ReaderThreads
    let uptime: @Sendable () -> Int64
    let path: String
    /// Held while the store is open.
    private let lock: LockFile?

    /// - Parameters:
    ///   - path: the database file; made when it is not there.
    ///   - lock: the process's claim on the file.
    ///   - uptime: nanoseconds of a monotonic clock, for the statistics and the bounds of lists.
    ///   - onMigration: told every few seconds how far a file of an older version is; see `MigrationProgress`.
    ///   - onFatal: see `Writer`.
    package init(
        path: String, lock: LockFile? = nil, uptime: @escaping @Sendable () -> Int64 = { 0 },
        onMigration: @Sendable (MigrationProgress) -> Void = { _ in },
        onFatal: @escaping @Sendable (StoreError) -> Void = { _ in }
    ) throws(StoreError) {
        let connection = try Connection(path: path, role: .writer, check: Schema.check)
        try Schema.migrate(connection, uptime: uptime, progress: onMigration)
        try connection.execute("UPDATE meta SET value = value + 1 WHERE name = 'boot'")
        let boot = Int64(try connection.text(of: "SELECT value FROM meta WHERE name = 'boot'")) ?? 0
        try connection.execute(DeliverySQL.freeAll)
        let session = WriterSession(connection: connection, boot: boot, ids: try IDSource(connection))
        readers = ReaderPool(path: path)
        readerThreads = ReaderThreads(path: path)
        self.uptime = uptime
        self.path = path
        self.lock = lock
        writer = Writer(session, uptime: uptime, onFatal: onFatal)
    }

    package func probe() async throws(StoreError) {
        try await writer.perform { session throws(StoreError) in
            try session.connection.statement("UPDATE meta SET value = value WHERE name = 'boot'").run()
        }
    }

    package var statistics: StoreStatistics { writer.statistics }

    package func close() async {
        // The writer goes last: then the whole database is in its one file, and no -wal is left beside it.
        readers.close()
        await readerThreads.close()
        await writer.close()
    }
}
