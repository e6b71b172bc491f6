internal import CSQLite
private import Glibc
private import JobModel
package import JobStore
private import Platform

extension SQLiteJobStore {
    /// Writes a copy of the database as it is now, while it is being written (SQLite's online backup). The file must not
    /// be there yet; it is readable by its owner only. Works for a database that was moved away or deleted, too: it is
    /// read through a connection that is open already.
    ///
    /// - Parameter isStopping: asked between steps; when true the copy is given up.
    package func backup(
        to path: String, isStopping: @escaping @Sendable () -> Bool = { false }
    ) async throws(StoreError) {
        let readers = readers
        // Minutes for a large file: on a thread of its own.
        let result = await withCheckedContinuation { (continuation: CheckedContinuation<_, Never>) in
            NamedThread.start("sluice-backup") {
                continuation.resume(
                    returning: Result { () throws(StoreError) in
                        try readers.read { source throws(StoreError) in
                            try Backup.copy(source, to: path, isStopping: isStopping)
                        }
                    })
            }
        }
        try result.get()
    }
}

private enum Backup {
    /// Pages copied at once.
    private static let step: Int32 = 4096

    static func copy(_ source: Connection, to path: String, isStopping: () -> Bool) throws(StoreError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .unavailable("cannot make \(path): \(String(cString: strerror(errno)))") }
        close(descriptor)
        do {
            try copyPages(source, to: path, isStopping: isStopping)
        } catch {
            unlink(path)
            throw error
        }
    }

    private static func copyPages(
        _ reader: Connection, to path: String, isStopping: () -> Bool
    ) throws(StoreError) {
        // One read transaction around it all: the copy is of one moment, and writers do not make it begin again.
        try reader.execute("BEGIN")
        defer { try? reader.execute("COMMIT") }
        _ = try reader.text(of: "SELECT count(*) FROM sqlite_schema")
        let target = try Connection(path: path, role: .copy)
        guard let backup = sqlite3_backup_init(target.handle, "main", reader.handle, "main") else {
            throw target.failure(sqlite3_errcode(target.handle))
        }
        var code = SQLITE_OK
        while code == SQLITE_OK { code = isStopping() ? SQLITE_ABORT : sqlite3_backup_step(backup, step) }
        let finished = sqlite3_backup_finish(backup)
        guard code != SQLITE_ABORT else { throw .unavailable("the server shuts down") }
        guard code == SQLITE_DONE, finished == SQLITE_OK else { throw target.failure(code) }
    }
}
