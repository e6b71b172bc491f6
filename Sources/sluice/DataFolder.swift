internal import Foundation
internal import PayloadSchema

/// The folder with what a server keeps beside its database: secrets it made, and where it listens.
struct DataFolder: Sendable {
    struct Problem: Error {
        var text: String
    }

    private static let backupPrefix = ".sluice-backup-"

    let path: String

    func prepare() throws(Problem) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Problem(text: "cannot make the data folder \(path); choose another with --data or SLUICE_DATA")
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
            let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            if text.utf8.count >= 32 { return text }
            throw Problem(text: "\(file) is damaged: shorter than 32 bytes; remove it and a new one is made")
        }
        let text = (0..<4).map { _ in
            let digits = String(random(), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
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

    private func file(_ name: String) -> String { (path as NSString).appendingPathComponent(name) }

    /// Written beside and renamed, readable by the owner only: nobody sees half a file.
    private func write(_ text: String, to file: String) throws(Problem) {
        let temporary = "\(file).\(ProcessInfo.processInfo.processIdentifier)"
        let made = FileManager.default.createFile(
            atPath: temporary, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        guard made, rename(temporary, file) == 0 else {
            throw Problem(text: "cannot write \(file); is the data folder writable?")
        }
    }
}
