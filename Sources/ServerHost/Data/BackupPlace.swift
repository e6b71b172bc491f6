internal import FoundationEssentials
internal import Glibc
internal import JobModel
internal import SQLiteJobStore

/// Where a backup goes: a name that is free, or that of an earlier backup. Anything else is refused, for a backup that
/// takes the place of a database that is in use loses every job that was accepted since.
package struct BackupPlace: Sendable {
    /// With symbolic links resolved: the file is replaced, not the link.
    let path: String
    let folder: String
    private let named: String
    private let replaced: FileIdentity?

    var isReplacing: Bool { replaced != nil }

    package init(_ named: String) throws(BackupRefusal) {
        self.named = named
        var path = URL(fileURLWithPath: named).path
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK {
            guard let target = realpath(path, nil) else {
                throw BackupRefusal("\(named) is a symbolic link that leads nowhere", .place)
            }
            defer { free(target) }
            path = String(cString: target)
        }
        self.path = path
        folder = Folder.parent(of: path)
        replaced = FileIdentity(path: path)
        if replaced != nil { try Self.check(path, named: named) }
    }

    /// Whether it is as it was when it was named.
    func checkAgain() throws(BackupRefusal) {
        guard FileIdentity(path: path) == replaced else {
            throw BackupRefusal("\(named) has changed while the backup was made; name another file", .place)
        }
        if replaced != nil { try Self.check(path, named: named) }
    }

    private static func check(_ path: String, named: String) throws(BackupRefusal) {
        func refusal(_ reason: String) -> BackupRefusal {
            BackupRefusal("\(named) \(reason); name another file", .place)
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw refusal("is there and is not a regular file")
        }
        guard let file = ForeignDatabase(path: path) else {
            throw refusal("is there and cannot be read, so nobody knows whether it is an earlier backup")
        }
        guard !file.isInUse else { throw refusal("is in use as a database, so it is not an earlier backup") }
        guard file.isOurs else { throw refusal("is there and is not an earlier backup") }
    }

    /// As the server compares it with its own files.
    package var query: String {
        var items = [
            ("machine", Machine.id), ("folder", FileIdentity(path: folder)?.description),
            ("name", PathText.lastName(of: path)),
        ]
        items.append(("file", replaced?.description))
        return items.compactMap { name, value in
            value.map { "\(name)=\(Template.percentEncoded($0))" }
        }.joined(separator: "&")
    }
}
