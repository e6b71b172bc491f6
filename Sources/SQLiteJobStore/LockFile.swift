private import Glibc

/// `<database>.lock`: an advisory lock, and in the file, for people and for the next start, who has it and which files
/// belong together.
final class LockFile: Sendable {
    private let descriptor: Int32
    /// What the owner before left in it.
    let former: LogMark?

    init(path: String, trust: FileTrust) throws(DatabaseLockProblem) {
        let descriptor = try Self.open(path, trust)
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

    /// The one that is there, or a new one. Never what a link leads to: it is written.
    private static func open(_ path: String, _ trust: FileTrust) throws(DatabaseLockProblem) -> Int32 {
        while true {
            let descriptor = Glibc.open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            if descriptor >= 0 {
                var status = stat()
                guard fstat(descriptor, &status) == 0 else {
                    defer { close(descriptor) }
                    throw .failed(path: path, code: errno)
                }
                guard let flaw = trust.flaw(of: status, isSecret: false) else { return descriptor }
                close(descriptor)
                throw .unsafe(flaw.text(of: path))
            }
            if errno == ELOOP { throw .unsafe(FileTrust.Flaw.link.text(of: path, orDelete: "a new one is made")) }
            guard errno == ENOENT else { throw .failed(path: path, code: errno) }
            let made = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            if made >= 0 { return made }
            // Somebody else may have made it meanwhile.
            guard errno == EEXIST else { throw .failed(path: path, code: errno) }
        }
    }

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
