private import Glibc

/// Which file a name leads to: its device and inode. Hard links, symbolic links and other spellings of one file share it.
package struct FileIdentity: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64

    /// Asks by stat(2) and never opens the file: closing a descriptor of the database would drop the POSIX locks that
    /// SQLite holds on it (fcntl(2), "Advisory record locking").
    ///
    /// nil when nothing is there, or it cannot be seen.
    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }

    /// Reads what `description` writes.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let device = UInt64(parts[0]), let inode = UInt64(parts[1]) else { return nil }
        self.device = device
        self.inode = inode
    }
}

extension FileIdentity: CustomStringConvertible {
    package var description: String { "\(device):\(inode)" }
}
