internal import FoundationEssentials
internal import OperationsAPI
internal import SQLiteJobStore

/// The files that a server lives on. Nothing that it hands out may take the place of one of them.
struct OwnFiles: Sendable {
    struct File: Sendable {
        var path: String
        /// What people call it: "its database".
        var role: String
    }

    let files: [File]
    /// What is open as the database, wherever it lies by now.
    let open: [FileIdentity]

    init(database: Database, open: [FileIdentity], data: DataFolder, manifest: [String]) {
        self.open = open
        let path = database.path
        var files = [
            File(path: path, role: "its database"), File(path: path + "-wal", role: "its database's log"),
            File(path: path + "-shm", role: "its database's shared memory"),
            File(path: path + "-journal", role: "its database's journal"),
            File(path: path + ".lock", role: "its database's lock"),
        ]
        // Beside the file itself, when the database is named by a symbolic link.
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        files += files.map { file in
            File(path: resolved + file.path.dropFirst(path.count), role: file.role)
        }
        files += data.files.map { File(path: $0.path, role: $0.role) }
        files += manifest.map { File(path: $0, role: "part of its manifest") }
        self.files = files
    }

    /// What the target is to the server; nil when it is nothing of the server's.
    func role(of target: BackupTarget) -> String? {
        guard let machine = target.machine, machine == Machine.id else { return nil }
        let identity = target.file.flatMap { FileIdentity($0) }
        let folder = target.folder.flatMap { FileIdentity($0) }
        if let identity, open.contains(identity) { return "its database" }
        return files.first { file in
            if let identity, FileIdentity(path: file.path) == identity { return true }
            // A file that is not there yet is no less the server's.
            guard let folder, PathText.lastName(of: file.path) == target.name else { return false }
            return FileIdentity(path: Folder.parent(of: file.path)) == folder
        }?.role
    }
}
