private import Glibc

/// `<database>.lock`: an advisory lock, and in the file, for people and for the next start, who has it and which files
/// belong together.
final class LockFile: Sendable {
    private let descriptor: Int32
    /// What the owner before left in it.
    let former: LogMark?

    init(path: String) throws(DatabaseLockProblem) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .failed(path: path, code: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            defer { close(descriptor) }
            guard code == EWOULDBLOCK else { throw .failed(path: path, code: code) }
            throw .held(by: Int32(Self.text(in: descriptor).prefix { $0.isASCII && $0.isNumber }))
        }
        self.descriptor = descriptor
        former = LogMark(Self.text(in: descriptor))
        write(former)
    }

    deinit { close(descriptor) }

    func write(_ mark: LogMark?) {
        let text = Array("\(getpid())\n\(mark.map { "\($0)\n" } ?? "")".utf8)
        // Cut afterwards: on a full disk the block that it has must not be given back first.
        if pwrite(descriptor, text, text.count, 0) == text.count { ftruncate(descriptor, off_t(text.count)) }
    }

    private static func text(in descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        return String(decoding: buffer[..<max(0, count)], as: UTF8.self)
    }
}

/// Says that a database was opened and has a log, without which it is not whole. A clean end takes it away.
struct LogMark: Equatable, Sendable {
    var database: FileIdentity
    var log: FileIdentity

    init(database: FileIdentity, log: FileIdentity) {
        self.database = database
        self.log = log
    }

    /// From the text of a lock file.
    init?(_ text: String) {
        let words = text.split(separator: "\n").lazy.map { $0.split(separator: " ") }
            .first { $0.count == 3 && $0[0] == "log" }
        guard let words, let database = FileIdentity(words[1]), let log = FileIdentity(words[2]) else { return nil }
        self.init(database: database, log: log)
    }
}

extension LogMark: CustomStringConvertible {
    var description: String { "log \(database) \(log)" }
}
