internal import CSQLite
internal import JobStore

extension StoreError {
    /// The meaning of an SQLite result code (sqlite.org/rescode.html).
    init(code: Int32, message: String) {
        switch code & 0xFF {
        case SQLITE_FULL: self = .full
        case SQLITE_CORRUPT, SQLITE_NOTADB: self = .corrupt(message)
        default: self = .unavailable("SQLite error \(code): \(message)")
        }
    }
}
