internal import Foundation
internal import SQLiteJobStore

/// Where a backup goes: a name that is free, or that of an earlier backup. Anything else is refused, for a backup that
/// takes the place of a database that is in use loses every job that was accepted since.
struct BackupPlace: Sendable {
    /// With symbolic links resolved: the file is replaced, not the link.
    let path: String
    let folder: String
    private let named: String
    private let replaced: FileIdentity?

    var isReplacing: Bool { replaced != nil }

    init(_ named: String) throws(CommandFailure) {
        self.named = named
        var path = URL(fileURLWithPath: named).path
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK {
            guard let target = realpath(path, nil) else {
                throw CommandFailure("\(named) is a symbolic link that leads nowhere", ExitStatus.badData)
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
    func checkAgain() throws(CommandFailure) {
        guard FileIdentity(path: path) == replaced else {
            throw CommandFailure(
                "\(named) has changed while the backup was made; name another file", ExitStatus.badData)
        }
        if replaced != nil { try Self.check(path, named: named) }
    }

    private static func check(_ path: String, named: String) throws(CommandFailure) {
        func refusal(_ reason: String) -> CommandFailure {
            CommandFailure("\(named) \(reason); name another file", ExitStatus.badData)
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
    var query: String {
        var items = [
            ("machine", Machine.id), ("folder", FileIdentity(path: folder)?.description),
            ("name", (path as NSString).lastPathComponent),
        ]
        items.append(("file", replaced?.description))
        let unreserved = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: "!"..."~"))
        return items.compactMap { name, value in
            value.flatMap { $0.addingPercentEncoding(withAllowedCharacters: unreserved) }.map { "\(name)=\($0)" }
        }.joined(separator: "&")
    }
}

/// Which machine this is, so that numbers of files are compared only where they mean the same.
enum Machine {
    /// Made by the kernel at each boot (random(4)); containers of one machine share it.
    static let id: String? = FileManager.default.contents(atPath: "/proc/sys/kernel/random/boot_id")
        .map { String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines) }
}
