internal import FoundationEssentials
internal import Glibc
internal import PayloadSchema

/// The folder with what a server keeps beside its database: secrets it made, and where it listens.
struct DataFolder: Sendable {
    struct Problem: Error {
        var text: String
        /// The disk is at fault, not the settings.
        var isTemporary = false
    }

    private static let backupPrefix = ".sluice-backup-"

    let path: String

    func prepare() throws(Problem) {
        let failure = Folder.make(path, mode: 0o700)
        guard failure == 0 else {
            throw Problem(
                text: "cannot make the data folder \(path): \(String(cString: strerror(failure))); "
                    + "choose another with --data or SLUICE_DATA",
                isTemporary: DiskFailure.isTemporary(failure))
        }
    }

    /// Removes copies that a former process did not get to send; to be called by whoever has the database's lock.
    func removeLeftovers() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        where name.hasPrefix(Self.backupPrefix) { unlink(file(name)) }
    }

    /// The secret kept under this name; made at first use from 32 random bytes.
    func secret(_ name: String, random: () -> UInt64) throws(Problem) -> String {
        let file = file(name)
        if let data = FileManager.default.contents(atPath: file) {
            let text = String(decoding: data, as: UTF8.self).trimmed
            if text.utf8.count >= 32 { return text }
            throw Problem(text: "\(file) is damaged: shorter than 32 bytes; remove it and a new one is made")
        }
        let text = (0..<4).map { _ in Hexadecimal.text(random()) }.joined()
        try write(text + "\n", to: file)
        return text
    }

    /// Where the CLI finds the server.
    func announce(url: String) throws(Problem) {
        let content: JSONValue = [
            "url": .string(url), "pid": .integer(ProcessInfo.processInfo.processIdentifier),
            "version": .string(Version.number),
        ]
        try write(content.text + "\n", to: file("server.json"))
    }

    /// Where a copy of the database lies until it is sent.
    func newBackup(name: String) -> String { file(Self.backupPrefix + name) }

    func withdraw() { try? FileManager.default.removeItem(atPath: file("server.json")) }

    /// What lies in it, and what each is to the server.
    var files: [(path: String, role: String)] {
        let copies = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return [
            (file("admin-token"), "its admin token"), (file("server-key"), "its key"),
            (file("server.json"), "where it says that it listens"),
        ]
            + copies.filter { $0.hasPrefix(Self.backupPrefix) }.map { (file($0), "a backup that it is making") }
    }

    private func file(_ name: String) -> String { PathText.join(path, name) }

    /// Written beside, synced and renamed, readable by the owner only: nobody sees half a file, and a power cut leaves the
    /// former or the new one.
    private func write(_ text: String, to file: String) throws(Problem) {
        let temporary = "\(file).\(ProcessInfo.processInfo.processIdentifier)"
        let failure = Self.writeSynced(text, to: temporary) { rename(temporary, file) == 0 }
        guard failure == 0 else {
            unlink(temporary)
            throw Problem(
                text: "cannot write \(file): \(String(cString: strerror(failure))); is the data folder writable?",
                isTemporary: DiskFailure.isTemporary(failure))
        }
        Folder.sync(path)
    }

    /// - Returns: errno of what failed, 0 when all is done.
    private static func writeSynced(_ text: String, to file: String, then finish: () -> Bool) -> Int32 {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        let count = Glibc.write(descriptor, bytes, bytes.count)
        guard count == bytes.count else { return count < 0 ? errno : ENOSPC }
        guard fsync(descriptor) == 0, finish() else { return errno }
        return 0
    }
}
