private import Glibc

/// What lies where a database is to be opened, looked at before SQLite does. For SQLite an empty file is a new database,
/// whose log it deletes; a log without a valid header is an empty one; and the log of another file is that of this one. It
/// goes on without a word in each case, and accepted jobs are gone, or the file is damaged.
enum LeftFiles {
    /// - Parameter mark: what the last process noted.
    /// - Returns: a warning, when something may be lost that nothing here can bring back.
    static func check(_ path: String, mark: LogMark?) throws(DatabaseLockProblem) -> String? {
        let log = path + "-wal"
        let header = LogHeader(path: log)
        var status = stat()
        let isThere = stat(path, &status) == 0
        switch header {
        case .garbage:
            throw .unsafe(
                "\(log) is not a log that SQLite wrote; what was accepted last may have been in it. Put the right file in "
                    + "its place, or move it away to start with what \(path) holds")
        case .valid:
            if !isThere || status.st_size == 0 {
                throw .unsafe(
                    "\(path) is \(isThere ? "empty" : "not there"), but its log \(log) is not. Put the database back "
                        + "(a backup does not fit its log), or move the log away to begin without any job")
            }
            if let mark, FileIdentity(path: log) == mark.log, FileIdentity(path: path) != mark.database {
                throw .unsafe(
                    "\(path) was replaced, and \(log) is still the log of the former file: together they are a "
                        + "damaged database. Move the log and \(path)-shm away to start with the file that is there "
                        + "now, or put the former file back")
            }
        case .empty:
            if let mark, FileIdentity(path: path) == mark.database {
                return "the log \(log) that the last process left is gone: what it accepted last is lost, unless "
                    + "another program brought it into the database"
            }
        }
        return nil
    }
}

/// The first 32 bytes of a write-ahead log (sqlite.org/fileformat2.html, section 4.1).
private enum LogHeader {
    /// Nothing is there, or nothing was ever synced: after a power cut a file may have its length and be all zeros.
    case empty
    case valid
    case garbage

    init(path: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            self = .empty
            return
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count == bytes.count, bytes.contains(where: { $0 != 0 }) else {
            self = .empty
            return
        }
        self = Self.isValid(bytes) ? .valid : .garbage
    }

    private static func isValid(_ bytes: [UInt8]) -> Bool {
        func word(_ index: Int, bigEndian: Bool = true) -> UInt32 {
            let four = bytes[index * 4..<index * 4 + 4]
            return (bigEndian ? Array(four) : four.reversed()).reduce(0) { $0 << 8 | UInt32($1) }
        }
        let magic = word(0)
        guard magic & ~1 == 0x377F_0682 else { return false }
        // The magic's last bit says how the sums were made; they themselves are always big-endian.
        var (first, second): (UInt32, UInt32) = (0, 0)
        for pair in 0..<3 {
            first = first &+ word(pair * 2, bigEndian: magic & 1 == 1) &+ second
            second = second &+ word(pair * 2 + 1, bigEndian: magic & 1 == 1) &+ first
        }
        return first == word(6) && second == word(7)
    }
}
