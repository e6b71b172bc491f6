/// The files that were opened, and whether they still lie where they did. A commit into a file that was renamed, deleted or
/// replaced is lost with the next start, so whoever writes asks first.
struct OpenedFiles: Sendable {
    /// As it was named: what a restart would open.
    let path: String
    let database: FileIdentity
    let logPath: String
    /// SQLite deletes the log only when it closes it; nil when it could not be seen.
    let log: FileIdentity?

    /// Why nothing may be written; nil while everything is in its place. Two calls of stat(2), 2 µs.
    var displacement: String? {
        if FileIdentity(path: path) != database { return Self.text(path) }
        if let log, FileIdentity(path: logPath) != log { return Self.text(logPath) }
        return nil
    }

    private static func text(_ path: String) -> String {
        "\(path) is no longer the file that was opened: it was renamed, deleted or replaced"
    }
}
