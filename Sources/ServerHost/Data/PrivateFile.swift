internal import FoundationEssentials
internal import Glibc
package import SQLiteJobStore

/// Small files that are this user's alone: secrets, and where the server listens. Written so that nobody else can read a byte
/// of them at any time, and read only when nobody else can have written them.
package enum PrivateFile {
    package enum Failure: Error, Equatable {
        /// Somebody else may have had a hand in it.
        case flaw(FileTrust.Flaw)
        /// errno.
        case system(Int32)
    }

    /// Far more than any of them has.
    private static let limit = 64 << 10

    /// The text without white space around it; nil when there is no such file.
    ///
    /// - Parameters:
    ///   - isSecret: it is refused when others can read it.
    ///   - mayBeRoots: root may have written it.
    package static func read(
        _ path: String, isSecret: Bool = true, mayBeRoots: Bool = true
    ) throws(Failure) -> String? {
        // A pipe in its place would be waited for.
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT, ENOTDIR: return nil
            case ELOOP: throw .flaw(.link)
            case let code: throw .system(code)
            }
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system(errno) }
        let trust = FileTrust(folder: Folder.parent(of: path))
        if let flaw = trust.flaw(of: status, isSecret: isSecret, mayBeRoots: mayBeRoots) { throw .flaw(flaw) }
        var bytes = [UInt8](repeating: 0, count: limit)
        var count = 0
        while count < limit {
            let more = bytes[count...].withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if more == 0 { break }
            if more > 0 { count += more } else if errno != EINTR { throw .system(errno) }
        }
        return String(decoding: bytes[..<count], as: UTF8.self).trimmed
    }

    /// Written beside, synced and renamed: nobody sees half a file, and a power cut leaves the former or the new one. What
    /// lies in its place, a link included, is replaced.
    package static func write(_ text: String, to path: String) throws(Failure) {
        let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier)"
        let code = writeSynced(Array(text.utf8), to: temporary) { rename(temporary, path) == 0 }
        guard code == 0 else {
            unlink(temporary)
            throw .system(code)
        }
        let synced = Folder.sync(Folder.parent(of: path))
        guard synced == 0 else { throw .system(synced) }
    }

    /// - Returns: errno of what failed, 0 when all is done.
    private static func writeSynced(_ bytes: [UInt8], to path: String, then finish: () -> Bool) -> Int32 {
        // Left by a process of this number that was killed, or laid by somebody: it is not written, whatever it is.
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                written += count
            } else if count == 0 {
                return ENOSPC
            } else if errno != EINTR {
                return errno
            }
        }
        guard fsync(descriptor) == 0, finish() else { return errno }
        return 0
    }
}
