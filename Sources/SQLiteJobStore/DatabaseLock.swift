private import Glibc

/// The process's claim on a database: nobody else serves it, by whatever name.
///
/// Two advisory locks (flock(2)), which the kernel gives up when the process ends, however it ends. One is on the database
/// file itself, so that neither a hard link, a bind mount nor a lock file that somebody removed makes a second owner. The
/// other is on `<database>.lock` beside it, which keeps older versions out.
///
/// It is taken before SQLite opens the file and given up after SQLite has closed it: closing any descriptor of the file
/// drops the POSIX locks that SQLite holds on it in this process (fcntl(2), "Advisory record locking").
package final class DatabaseLock: Sendable {
    /// What lay there, when that says that something may be lost.
    package let warning: String?
    /// Others may read the database: which file, and the cure.
    package let exposure: String?
    /// The file that is locked.
    let identity: FileIdentity

    private let descriptor: Int32
    private let lockFile: LockFile

    /// Makes the database file when there is none, and nothing tells that there should be one.
    package init(path: String) throws(DatabaseLockProblem) {
        let path = Self.resolved(path)
        let trust = FileTrust(folder: Self.folder(of: path))
        lockFile = try LockFile(path: path + ".lock", trust: trust)
        let isNew: Bool
        var descriptor = open(path, O_RDWR | O_CLOEXEC)
        isNew = descriptor < 0 && errno == ENOENT
        if isNew {
            _ = try LeftFiles.check(path, mark: lockFile.former)
            // Payloads are for nobody else on this machine; the files beside it get the mode of this one.
            descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else { throw .failed(path: path, code: errno) }
        do throws(DatabaseLockProblem) {
            exposure = try Self.exposure(of: descriptor, at: path, trust)
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
                let code = errno
                guard code == EWOULDBLOCK else { throw .failed(path: path, code: code) }
                // Whoever has it open through SQLite holds locks of SQLite's, which know their owner.
                throw .held(by: SQLiteLock.owner(descriptor).flatMap { $0 > 0 ? $0 : nil })
            }
            guard let identity = FileIdentity(descriptor: descriptor), identity == FileIdentity(path: path) else {
                throw .unsafe("the database \(path) was replaced while it was opened; start again")
            }
            self.identity = identity
            warning = isNew ? nil : try LeftFiles.check(path, mark: lockFile.former)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Says for the next start that the database has a log, without which it is not whole.
    func note(log: FileIdentity) { lockFile.write(LogMark(database: identity, log: log)) }

    /// Says for the next start that everything is in the database.
    func noteClosed() { lockFile.write(nil) }

    /// Whoever can write the database can do what the server can; who can read it reads payloads.
    private static func exposure(
        of descriptor: Int32, at path: String, _ trust: FileTrust
    ) throws(DatabaseLockProblem) -> String? {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .failed(path: path, code: errno) }
        switch trust.flaw(of: status, isSecret: true) {
        case nil: return nil
        case .readable?: return FileTrust.Flaw.readable.text(of: path)
        case let flaw?: throw .unsafe(flaw.text(of: path))
        }
    }

    /// The name of the file itself; symbolic links to one database share its lock file.
    private static func resolved(_ path: String) -> String {
        if let resolved = realpath(path, nil) {
            defer { free(resolved) }
            return String(cString: resolved)
        }
        // It is not there yet.
        let slash = path.lastIndex(of: "/")
        guard let resolved = realpath(folder(of: path), nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved) + "/" + (slash.map { String(path[path.index(after: $0)...]) } ?? path)
    }

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
    }
}
