import Foundation
import Glibc
import SQLiteJobStore
import Synchronization
import TestClient
import Testing

@testable import ServerHost

/// Set once, seen by another thread.
private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}

/// Files that are the server's alone.
@Suite(.timeLimit(.minutes(2))) struct PrivateFileTests {
    private static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
    }

    @Test func `What is written can be read by its owner only, from its first byte`() async throws {
        let folder = try TemporaryFolder()
        let isOver = Flag()
        let isLooking = Flag()
        try await withThrowingTaskGroup(of: [String].self) { group in
            group.addTask {
                try await offPool {
                    var loose: [String] = []
                    while !isOver.isSet {
                        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
                            if let mode = Self.mode(folder.file(name)), mode & 0o077 != 0 {
                                loose.append("\(name) \(mode)")
                            }
                        }
                        isLooking.set()
                    }
                    return loose
                }
            }
            group.addTask {
                try await offPool {
                    while !isLooking.isSet { sched_yield() }
                    for round in 0..<300 { try PrivateFile.write("round \(round)\n", to: folder.file("secret")) }
                    isOver.set()
                    return []
                }
            }
            for try await loose in group { #expect(loose == []) }
        }
        #expect(try PrivateFile.read(folder.file("secret")) == "round 299")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["secret"])
    }

    @Test func `What others have laid in its way is not written`() throws {
        let folder = try TemporaryFolder()
        try folder.write("theirs", to: "elsewhere")
        let names = ["secret", "secret.\(getpid())"]
        for name in names {
            #expect(symlink(folder.file("elsewhere"), folder.file(name)) == 0)
            try PrivateFile.write("ours\n", to: folder.file("secret"))
            #expect(try String(contentsOfFile: folder.file("elsewhere"), encoding: .utf8) == "theirs")
            #expect(try PrivateFile.read(folder.file("secret")) == "ours")
        }
        // A file of its own that others can read is not written on: they may hold it open.
        try folder.write("", to: names[1])
        let reader = open(folder.file(names[1]), O_RDONLY)
        defer { close(reader) }
        try PrivateFile.write("hidden\n", to: folder.file("secret"))
        var byte: UInt8 = 0
        #expect(read(reader, &byte, 1) == 0)
    }

    @Test func `What cannot be written says why, and leaves nothing`() throws {
        let folder = try TemporaryFolder()
        #expect(throws: PrivateFile.Failure.system(ENOENT)) { try PrivateFile.write("x", to: folder.file("no/secret")) }
        mkdir(folder.file("secret"), 0o700)
        #expect(throws: PrivateFile.Failure.self) { try PrivateFile.write("x", to: folder.file("secret")) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["secret"])
    }

    @Test(
        arguments: [
            (0o600, nil), (0o400, nil), (0o700, nil), (0o640, .readable), (0o604, .readable), (0o620, .writable),
            (0o602, .writable), (0o666, .writable), (0o777, .writable), (0o601, .readable), (0o610, .readable),
        ] as [(mode_t, FileTrust.Flaw?)])
    func `What others can read or write is not taken for a secret`(_ mode: mode_t, _ flaw: FileTrust.Flaw?) throws {
        let folder = try TemporaryFolder()
        try folder.write(" text\n", to: "secret")
        chmod(folder.file("secret"), mode)
        if let flaw {
            #expect(throws: PrivateFile.Failure.flaw(flaw)) { try PrivateFile.read(folder.file("secret")) }
        } else {
            #expect(try PrivateFile.read(folder.file("secret")) == "text")
        }
        // What is no secret may be read by others.
        if flaw == .readable { #expect(try PrivateFile.read(folder.file("secret"), isSecret: false) == "text") }
    }

    @Test func `Links, pipes, folders and what is not there`() throws {
        let folder = try TemporaryFolder()
        try folder.write("text", to: "file")
        chmod(folder.file("file"), 0o600)
        symlink("file", folder.file("link"))
        symlink("nowhere", folder.file("dangling"))
        mkfifo(folder.file("pipe"), 0o600)
        mkdir(folder.file("folder"), 0o700)
        for name in ["link", "dangling"] {
            #expect(throws: PrivateFile.Failure.flaw(.link)) { try PrivateFile.read(folder.file(name)) }
        }
        for name in ["pipe", "folder"] {
            #expect(throws: PrivateFile.Failure.flaw(.notRegular)) { try PrivateFile.read(folder.file(name)) }
        }
        #expect(try PrivateFile.read(folder.file("nowhere")) == nil)
        #expect(try PrivateFile.read(folder.file("file/below")) == nil)
    }

    private static let me = FileTrust.User(uid: 1000, groups: [1000, 2000])

    private static func status(_ mode: mode_t, uid: uid_t = 1000, gid: gid_t = 1000) -> stat {
        var status = stat()
        (status.st_mode, status.st_uid, status.st_gid) = (mode, uid, gid)
        return status
    }

    @Test func `Whose a file may be`() {
        let trust = FileTrust(user: Self.me, groupIsVolumes: false)
        #expect(trust.flaw(of: Self.status(S_IFREG | 0o600), isSecret: true) == nil)
        #expect(trust.flaw(of: Self.status(S_IFREG | 0o600, uid: 0), isSecret: true) == nil)
        #expect(trust.flaw(of: Self.status(S_IFREG | 0o600, uid: 0), isSecret: true, mayBeRoots: false) == .foreign(0))
        #expect(trust.flaw(of: Self.status(S_IFREG | 0o600, uid: 1001), isSecret: true) == .foreign(1001))
        let root = FileTrust(user: FileTrust.User(uid: 0, groups: [0]), groupIsVolumes: false)
        #expect(root.flaw(of: Self.status(S_IFREG | 0o600, uid: 1000), isSecret: true) == .foreign(1000))
        #expect(trust.flaw(of: Self.status(S_IFLNK | 0o777), isSecret: false) == .link)
    }

    @Test func `A volume's group is no flaw, everybody is`() {
        let trust = FileTrust(user: Self.me, groupIsVolumes: true)
        #expect(trust.flaw(of: Self.status(S_IFREG | 0o660, gid: 2000), isSecret: true) == nil)
        #expect(trust.flaw(of: Self.status(S_IFREG | 0o664, gid: 2000), isSecret: true) == .readable)
        #expect(trust.flaw(of: Self.status(S_IFREG | 0o662, gid: 2000), isSecret: true) == .writable)
        #expect(FileTrust.groupIsVolumes(Self.status(S_IFDIR | S_ISGID | 0o775, gid: 2000), Self.me))
        #expect(!FileTrust.groupIsVolumes(Self.status(S_IFDIR | S_ISGID | 0o775, gid: 3000), Self.me))
        #expect(!FileTrust.groupIsVolumes(Self.status(S_IFDIR | 0o775, gid: 2000), Self.me))
    }

    enum Verdict: Sendable { case quiet, warned, refused }

    @Test(
        arguments: [
            ("a home", FolderTrust.Facts(mode: 0o700, owner: 1000, group: 1000), .quiet),
            ("a project", FolderTrust.Facts(mode: 0o755, owner: 1000, group: 1000), .quiet),
            ("of root", FolderTrust.Facts(mode: 0o755, owner: 0, group: 0), .quiet),
            ("umask 002", FolderTrust.Facts(mode: 0o775, owner: 1000, group: 1000, groupIsPrivate: true), .quiet),
            ("a team's", FolderTrust.Facts(mode: 0o775, owner: 1000, group: 1000), .refused),
            ("everybody's", FolderTrust.Facts(mode: 0o777, owner: 1000, group: 1000, groupIsPrivate: true), .refused),
            ("everybody's, of root", FolderTrust.Facts(mode: 0o777, owner: 0, group: 0), .refused),
            ("/tmp", FolderTrust.Facts(mode: 0o777 | S_ISVTX, owner: 0, group: 0), .warned),
            ("an emptyDir", FolderTrust.Facts(mode: 0o777, owner: 0, group: 0, isMountPoint: true), .warned),
            ("fsGroup", FolderTrust.Facts(mode: 0o775 | S_ISGID, owner: 0, group: 2000), .warned),
            ("setgid of others", FolderTrust.Facts(mode: 0o775 | S_ISGID, owner: 0, group: 3000), .refused),
            ("setgid, everybody's", FolderTrust.Facts(mode: 0o777 | S_ISGID, owner: 0, group: 2000), .refused),
            ("of another user", FolderTrust.Facts(mode: 0o755, owner: 1001, group: 1001), .warned),
        ] as [(String, FolderTrust.Facts, Verdict)])
    func `A data folder that others can write is refused, a volume warned of`(
        _ name: String, _ facts: FolderTrust.Facts, _ verdict: Verdict
    ) {
        let trust = FolderTrust(path: "/data", facts: facts, user: Self.me)
        #expect((trust.refusal != nil) == (verdict == .refused))
        if verdict != .refused { #expect(trust.warnings.isEmpty == (verdict == .quiet)) }
        if let refusal = trust.refusal { #expect(refusal.contains("chmod go-w '/data'")) }
    }
}

/// What a server does with a data folder as it finds it.
@Suite(.timeLimit(.minutes(3))) struct DataFolderTests {
    private static let manifest = "version: 1\nfunctions: {f: {handler: {builtin: echo}}}\n"

    private static func start(
        in folder: TemporaryFolder, _ environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String, error: String) {
        try await Program.run(["serve", "--port", "0"], folder: folder, environment: environment)
    }

    /// A folder in which a server has been.
    private static func used() async throws -> TemporaryFolder {
        let server = try await ServerProcess(manifest: manifest)
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        return server.folder
    }

    @Test(
        arguments: [
            ("admin-token", 0o644, "read"), ("admin-token", 0o620, "written"), ("server-key", 0o640, "read"),
            ("server-key", 0o666, "written"), ("sluice.db", 0o606, "written"), ("sluice.db", 0o660, "written"),
            ("sluice.db.lock", 0o666, "written"),
        ] as [(String, mode_t, String)])
    func `A file that may be somebody else's work is refused with its cure`(
        _ name: String, _ mode: mode_t, _ how: String
    ) async throws {
        let folder = try await Self.used()
        chmod(folder.file(name), mode)
        let refused = try await Self.start(in: folder)
        #expect(refused.status == 78, "\(refused)")
        #expect(refused.error.contains("\(name) can be \(how) by others"), "\(refused)")
        let cure = try #require(refused.error.firstMatch(of: /chmod 600 '[^']+'/)).output
        _ = try await Shell.run(String(cure), in: folder)
        _ = try await ServerProcess(manifest: Self.manifest, folder: folder)
    }

    @Test(arguments: ["admin-token", "server-key", "sluice.db.lock"])
    func `A link in its place is refused, and what it leads to stays as it is`(_ name: String) async throws {
        let folder = try await Self.used()
        let text = String(repeating: "x", count: 64)
        try folder.write(text, to: "elsewhere")
        chmod(folder.file("elsewhere"), 0o600)
        unlink(folder.file(name))
        symlink("elsewhere", folder.file(name))
        let refused = try await Self.start(in: folder)
        #expect(refused.status == 78 && refused.error.contains("\(name) is a symbolic link"), "\(refused)")
        #expect(try String(contentsOfFile: folder.file("elsewhere"), encoding: .utf8) == text)
    }

    @Test(
        .enabled(if: geteuid() == 0, "only root gives files away"),
        arguments: ["admin-token", "server-key", "sluice.db", "sluice.db.lock"])
    func `A file of another user is refused`(_ name: String) async throws {
        let folder = try await Self.used()
        chown(folder.file(name), 65_534, 65_534)
        let refused = try await Self.start(in: folder)
        #expect(
            refused.status == 78 && refused.error.contains("\(name) belongs to another user (uid 65534)"), "\(refused)")
    }

    @Test func `A folder that everybody can write is refused, and warned of where only one's own files can be touched`()
        async throws
    {
        let folder = try TemporaryFolder()
        try folder.write(Self.manifest, to: "functions.yaml")
        chmod(folder.path, 0o777)
        let refused = try await Self.start(in: folder)
        #expect(refused.status == 78 && refused.error.contains("can be written by everybody"), "\(refused)")
        #expect(!FileManager.default.fileExists(atPath: folder.file("admin-token")))
        chmod(folder.path, 0o1777)
        let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        #expect(server.log.contains("can be written by everybody; chmod go-w"), "\(server.log)")
    }

    @Test func `So is the folder of a database that lies elsewhere`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.manifest, to: "functions.yaml")
        mkdir(folder.file("open"), 0o700)
        chmod(folder.file("open"), 0o777)
        let environment = ["SLUICE_DATA": folder.path, "DATABASE_URL": "sqlite:open/sluice.db"]
        let refused = try await Self.start(in: folder, environment)
        #expect(refused.status == 78 && refused.error.contains("the database's folder"), "\(refused)")
        #expect(refused.error.contains("--database or DATABASE_URL"), "\(refused)")
    }

    /// Kubernetes opens every file of a volume for the pod's group whenever it mounts it.
    @Test func `A volume whose group may do everything is served, and its token is taken`() async throws {
        let folder = try await Self.used()
        chmod(folder.path, 0o2770)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) { chmod(folder.file(name), 0o660) }
        let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        let status = try await Program.run(["status", "--json"], folder: folder)
        #expect(status.status == 0, "\(status)")
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        // Everybody is no group.
        chmod(folder.file("server-key"), 0o664)
        #expect(try await Self.start(in: folder).error.contains("server-key can be read by others"))
    }

    @Test func `A database that others can read is served, with a warning`() async throws {
        let folder = try await Self.used()
        chmod(folder.file("sluice.db"), 0o644)
        let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        #expect(server.log.contains("Others can read the database"), "\(server.log)")
    }

    @Test(.enabled(if: geteuid() == 0)) func `Root is warned of, once`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        #expect(server.log.components(separatedBy: "Running as root").count == 2, "\(server.log)")
    }

    @Test(arguments: ["serve", "dev"])
    func `Whatever the umask, nobody else can read a byte of what it makes`(_ command: String) async throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.manifest, to: "functions.yaml")
        let isOver = Flag()
        try await withThrowingTaskGroup(of: Set<String>.self) { group in
            group.addTask {
                try await offPool {
                    var loose: Set<String> = []
                    while !isOver.isSet {
                        let names = try? FileManager.default.contentsOfDirectory(atPath: folder.file("deep/data"))
                        for name in names ?? [] {
                            var status = stat()
                            guard lstat(folder.file("deep/data/\(name)"), &status) == 0 else { continue }
                            if status.st_mode & 0o077 != 0 { loose.insert("\(name) \(status.st_mode)") }
                        }
                    }
                    return loose
                }
            }
            group.addTask {
                defer { isOver.set() }
                let script = """
                    umask 000
                    export DATABASE_URL=sqlite:deep/data/sluice.db
                    '\(Program.path(of: "sluice"))' \(command) --port 0 2>/dev/null & pid=$!
                    until [ -s deep/data/server.json ]; do :; done
                    '\(Program.path(of: "sluice"))' backup --data deep/data deep/data/backup.db
                    ls deep/data
                    kill $pid; wait $pid
                    """
                let made = try await Shell.run(script, in: folder)
                for name in [
                    "admin-token", "server-key", "server.json", "sluice.db", "sluice.db.lock", "sluice.db-wal",
                    "backup.db",
                ] {
                    #expect(made.contains("\(name)\n"), "\(made)")
                }
                return []
            }
            for try await loose in group { #expect(loose == []) }
        }
        for name in ["deep", "deep/data"] {
            var status = stat()
            #expect(stat(folder.file(name), &status) == 0 && status.st_mode & 0o077 == 0, "\(name)")
        }
    }
}
