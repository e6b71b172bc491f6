internal import FoundationEssentials
internal import Glibc
internal import PayloadSchema
internal import SQLiteJobStore

/// The folder with what a server keeps beside its database: secrets it made, and where it listens.
struct DataFolder: Sendable {
    struct Problem: Error {
        var text: String
        /// The disk is at fault, not the settings.
        var isTemporary = false

        init(text: String, isTemporary: Bool = false) {
            self.text = text
            self.isTemporary = isTemporary
        }

        /// - Parameter verb: what could not be done with the file, as an infinitive.
        init(_ failure: PrivateFile.Failure, _ verb: String, _ path: String, cure: String) {
            switch failure {
            case .flaw(let flaw): self.init(text: flaw.text(of: path, orDelete: "a new one is made"))
            case .system(let code):
                self.init(
                    text: "cannot \(verb) \(path): \(String(cString: strerror(code))); \(cure)",
                    isTemporary: DiskFailure.isTemporary(code))
            }
        }
    }

    static let adminToken = "admin-token"
    static let serverKey = "server-key"
    static let announcement = "server.json"
    private static let backupPrefix = ".sluice-backup-"

    let path: String

    /// Makes the folder where it is missing.
    ///
    /// - Parameter database: the folder of the database, which may be another.
    /// - Returns: what should be known of both, with the cure.
    func prepare(database: String) throws(Problem) -> [String] {
        let failure = Folder.make(path, mode: 0o700)
        guard failure == 0 else {
            throw Problem(
                text: "cannot make the data folder \(path): \(String(cString: strerror(failure))); "
                    + "choose another with --data or SLUICE_DATA",
                isTemporary: DiskFailure.isTemporary(failure))
        }
        let isElsewhere = FileIdentity(path: database) != FileIdentity(path: path)
        let folders = [
            FolderTrust(path: path, content: .data),
            isElsewhere ? FolderTrust(path: database, content: .database) : nil,
        ].compactMap(\.self)
        if let refusal = folders.lazy.compactMap(\.refusal).first { throw Problem(text: refusal) }
        return folders.flatMap(\.warnings)
    }

    /// Removes copies that a former process did not get to send; to be called by whoever has the database's lock.
    func removeLeftovers() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        where name.hasPrefix(Self.backupPrefix) { unlink(file(name)) }
    }

    /// The secret kept under this name; made at first use from 32 random bytes.
    func secret(_ name: String, random: () -> UInt64) throws(Problem) -> String {
        let file = file(name)
        let former: String?
        do throws(PrivateFile.Failure) {
            former = try PrivateFile.read(file)
        } catch {
            throw Problem(error, "read", file, cure: "does it belong to this user?")
        }
        if let former {
            if former.utf8.count >= 32 { return former }
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
        try write(content.text + "\n", to: file(Self.announcement))
    }

    /// Where a copy of the database lies until it is sent.
    func newBackup(name: String) -> String { file(Self.backupPrefix + name) }

    func withdraw() { unlink(file(Self.announcement)) }

    /// What lies in it, and what each is to the server.
    var files: [(path: String, role: String)] {
        let copies = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return [
            (file(Self.adminToken), "its admin token"), (file(Self.serverKey), "its key"),
            (file(Self.announcement), "where it says that it listens"),
        ]
            + copies.filter { $0.hasPrefix(Self.backupPrefix) }.map { (file($0), "a backup that it is making") }
    }

    private func file(_ name: String) -> String { PathText.join(path, name) }

    private func write(_ text: String, to file: String) throws(Problem) {
        do throws(PrivateFile.Failure) {
            try PrivateFile.write(text, to: file)
        } catch {
            throw Problem(error, "write", file, cure: "is the data folder writable?")
        }
    }
}
