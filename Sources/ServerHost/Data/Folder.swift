internal import FoundationEssentials
internal import Glibc

/// Folders whose entries survive a power cut: a file that is synced and whose name is not is a file that is lost.
enum Folder {
    /// Makes the folder and those above it that are missing, and syncs each into its parent.
    ///
    /// - Returns: errno of what failed, 0 when it is there.
    static func make(_ path: String, mode: mode_t = 0o777) -> Int32 {
        var status = stat()
        if stat(path, &status) == 0 { return status.st_mode & S_IFMT == S_IFDIR ? 0 : ENOTDIR }
        let parent = parent(of: path)
        if parent != path {
            let failure = make(parent)
            guard failure == 0 else { return failure }
        }
        // Somebody else may have made it meanwhile.
        guard mkdir(path, mode) == 0 || errno == EEXIST else { return errno }
        return sync(parent)
    }

    /// - Returns: errno of what failed. A file system that syncs no folders has nothing that could fail.
    @discardableResult static func sync(_ path: String) -> Int32 {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        guard fsync(descriptor) != 0, errno != EINVAL else { return 0 }
        return errno
    }

    static func parent(of path: String) -> String {
        URL(fileURLWithPath: path).deletingLastPathComponent().path
    }
}
