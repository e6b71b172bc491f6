internal import CSQLite
internal import JobStore

/// Makes typed errors of what a connection's calls return, and remembers the latest.
final class ConnectionErrors {
    private let handle: OpaquePointer
    /// Of the latest failure.
    private(set) var lastCode = SQLITE_OK

    init(_ handle: OpaquePointer) { self.handle = handle }

    func forget() { lastCode = SQLITE_OK }

    func failure(_ code: Int32) -> StoreError { failure(code, writing: [\.log, \.database]) }

    /// A checkpoint writes the database only.
    func failureOfCheckpoint(_ code: Int32) -> StoreError { failure(code, writing: [\.database]) }

    private func failure(_ code: Int32, writing files: [KeyPath<FileErrors, Int32>]) -> StoreError {
        lastCode = code
        var systemCode = sqlite3_system_errno(handle)
        // SQLite asks for errno after it has rolled back, which is too late for what failed in a write.
        if code == SQLITE_IOERR | 3 << 8 {
            let errors = FileErrors(handle)
            systemCode = files.lazy.map { errors[keyPath: $0] }.first { $0 != 0 } ?? systemCode
        }
        return StoreError(code: code, systemCode: systemCode, message: String(cString: sqlite3_errmsg(handle)))
    }

    /// errno of what failed last with each file (SQLITE_FCNTL_LAST_ERRNO); 0 when nothing has.
    private struct FileErrors {
        var database: Int32 = 0
        var log: Int32 = 0

        init(_ handle: OpaquePointer) {
            sqlite3_file_control(handle, "main", SQLITE_FCNTL_LAST_ERRNO, &database)
            var file: UnsafeMutablePointer<sqlite3_file>?
            sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file)
            // Without methods it is not open.
            _ = file?.pointee.pMethods?.pointee.xFileControl?(file, SQLITE_FCNTL_LAST_ERRNO, &log)
        }
    }
}
