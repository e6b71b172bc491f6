internal import FoundationEssentials
internal import Glibc
private import Synchronization

/// A file that comes into being whole or not at all: written beside its place, synced, put there, and its folder synced.
/// Readable by its owner only.
package final class NewFile: Sendable {
    private let place: BackupPlace
    private let temporary: String
    private let descriptor: Int32
    private let isNameless: Bool
    private let size = Atomic(0)
    private let isCommitted = Atomic(false)

    package init(at place: BackupPlace) throws(BackupRefusal) {
        self.place = place
        temporary = "\(place.path).\(ProcessInfo.processInfo.processIdentifier).part"
        // A file without a name: whichever way this process ends, nothing of it stays.
        let nameless = open(place.folder, O_WRONLY | Self.noName | O_CLOEXEC, 0o600)
        isNameless = nameless >= 0
        descriptor =
            nameless >= 0 ? nameless : open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
    }

    /// O_TMPFILE (open(2)), which the Glibc module leaves out.
    private static let noName: Int32 = 0o20_000_000 | O_DIRECTORY

    deinit {
        close(descriptor)
        if !isNameless, !isCommitted.load(ordering: .relaxed) { unlink(temporary) }
    }

    package func write(_ bytes: [UInt8]) throws(BackupRefusal) {
        size.add(bytes.count, ordering: .relaxed)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { written += count } else if errno != EINTR { throw failure() }
        }
    }

    /// - Returns: how many bytes it has.
    package func commit() throws(BackupRefusal) -> Int {
        guard fsync(descriptor) == 0 else { throw failure() }
        if isNameless {
            unlink(temporary)
            let linked = linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, temporary, AT_SYMLINK_FOLLOW)
            guard linked == 0 else { throw failure() }
        }
        do throws(BackupRefusal) {
            try putInPlace()
        } catch {
            unlink(temporary)
            throw error
        }
        isCommitted.store(true, ordering: .relaxed)
        errno = Folder.sync(place.folder)
        guard errno == 0 else { throw failure() }
        return size.load(ordering: .relaxed)
    }

    private func putInPlace() throws(BackupRefusal) {
        // What lies there now must be what was looked at before the download: minutes may have passed.
        try place.checkAgain()
        if !place.isReplacing {
            // link(2) never replaces; some file systems have no links.
            if link(temporary, place.path) == 0 {
                unlink(temporary)
                return
            }
            guard errno == EPERM || errno == EOPNOTSUPP else { throw failure() }
        }
        guard rename(temporary, place.path) == 0 else { throw failure() }
    }

    private func failure() -> BackupRefusal {
        BackupRefusal("cannot write \(place.path): \(String(cString: strerror(errno)))", .disk)
    }
}
