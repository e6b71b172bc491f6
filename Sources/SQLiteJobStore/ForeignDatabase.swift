private import Glibc

/// What can be told of a file that this process does not serve, without SQLite. It opens the file, so it must never be
/// asked about the database of this process: see `FileIdentity`.
package struct ForeignDatabase: Sendable {
    /// An SQLite database that Sluice has written.
    package let isOurs: Bool
    /// Some process has it open as a database, or its log lies beside it.
    package let isInUse: Bool

    /// nil when it cannot be read.
    package init?(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var header = [UInt8](repeating: 0, count: Self.headerBytes)
        let count = pread(descriptor, &header, header.count, 0)
        guard count >= 0 else { return nil }
        isOurs = count == Self.headerBytes && Self.isOurs(header)
        var log = stat()
        isInUse = (stat(path + "-wal", &log) == 0 && log.st_size > 0) || Self.isLocked(descriptor)
    }

    /// The database header (sqlite.org/fileformat2.html, section 1.3).
    private static let headerBytes = 100

    private static func isOurs(_ header: [UInt8]) -> Bool {
        let id = header[68..<72].reduce(0) { $0 << 8 | Int($1) }
        return header.starts(with: Array("SQLite format 3\0".utf8)) && id == Schema.applicationID
    }

    /// A server of this version holds a lock of its own, and every process that uses a write-ahead log one of SQLite's.
    private static func isLocked(_ descriptor: Int32) -> Bool {
        if flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK { return true }
        return SQLiteLock.owner(descriptor) != nil
    }
}
