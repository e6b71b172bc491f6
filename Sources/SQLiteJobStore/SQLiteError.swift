internal import CSQLite
private import Glibc
internal import JobStore

extension StoreError {
    /// The meaning of an SQLite result code (sqlite.org/rescode.html).
    ///
    /// - Parameter systemCode: errno of what failed below, where something did.
    init(code: Int32, systemCode: Int32 = 0, message: String) {
        let text = "SQLite error \(code): \(message)"
        let reason = systemCode == 0 ? text : "\(text) (\(String(cString: strerror(systemCode))))"
        switch code & 0xFF {
        case SQLITE_FULL: self = .full
        case SQLITE_CORRUPT, SQLITE_NOTADB: self = .corrupt(message)
        case SQLITE_IOERR where Self.syncs.contains(code): self = .syncFailed(reason)
        case SQLITE_IOERR, SQLITE_CANTOPEN:
            // To SQLite only ENOSPC is a full disk.
            switch systemCode {
            case ENOSPC, EDQUOT, EFBIG: self = .full
            case EACCES, EPERM: self = .unsuitable(reason)
            default: self = .unavailable(reason)
            }
        default: self = .unavailable(text)
        }
    }

    /// SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC, whose macros Swift does not import.
    private static let syncs: Set<Int32> = [SQLITE_IOERR | 4 << 8, SQLITE_IOERR | 5 << 8]

    /// Codes that speak of the disk, not of the request.
    static func isOfTheDisk(_ code: Int32) -> Bool {
        [SQLITE_FULL, SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_READONLY].contains(code & 0xFF)
    }
}
