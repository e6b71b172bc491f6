import Foundation
import Glibc
import JobModel
import JobStore
import PayloadSchema
import ServerHost
import TestClient
import Testing

@testable import SQLiteJobStore

/// `sluice backup` takes the place of nothing but an earlier backup.
@Suite struct BackupGuardTests {
    private static let manifest = TestManifest.text.replacingOccurrences(
        of: "version: 1",
        with: """
            version: 1
            webhooks: {headerPrefix: "${file:prefix.txt}"}
            """)

    private static func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try folder.write("X-Acme", to: "prefix.txt")
        return folder
    }

    /// Inode and length: the log grows and shrinks while the server lives, nothing else does.
    private static func inodes(of names: [String], in folder: TemporaryFolder) -> [FileIdentity?] {
        names.map { FileIdentity(path: folder.file($0)) }
    }

    @Test func `Nothing that the server lives on is overwritten, by whatever name, and no job is lost`() async throws {
        let folder = try Self.folder()
        let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let files = FileManager.default
        try files.linkItem(atPath: folder.file("sluice.db"), toPath: folder.file("hard.db"))
        try files.createSymbolicLink(atPath: folder.file("soft.db"), withDestinationPath: "sluice.db")
        try files.createSymbolicLink(atPath: folder.file("dir"), withDestinationPath: ".")
        try files.createSymbolicLink(atPath: folder.file("dangling"), withDestinationPath: "sluice.db-journal")
        let own = [
            "sluice.db", "sluice.db-wal", "sluice.db-shm", "sluice.db.lock", "functions.yaml", "prefix.txt",
            "server-key", "admin-token", "server.json",
        ]
        let before = Self.inodes(of: own, in: folder)
        let names =
            own + own.map { "./" + $0 } + own.map { "dir/" + $0 } + own.map { folder.file($0) } + [
                "hard.db", "soft.db", "dangling", "sluice.db-journal", ".env", ".",
            ]
        for name in names {
            let run = try await Program.run(["backup", name], folder: folder)
            #expect(run.status == 65, "\(name): \(run.error)")
            #expect(run.error.hasPrefix("error: "), "\(name)")
        }
        #expect(Self.inodes(of: own, in: folder) == before)
        #expect(!files.fileExists(atPath: folder.file("sluice.db-journal")))
        #expect(try files.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasSuffix(".part") })

        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        let again = try await ServerProcess(manifest: Self.manifest, folder: folder)
        #expect(try await again.get(url).status == 202)
    }

    @Test func `The server itself refuses its files, on its own machine only`() async throws {
        let folder = try Self.folder()
        let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        try FileManager.default.linkItem(atPath: folder.file("sluice.db"), toPath: folder.file("hard.db"))
        let token = try String(contentsOfFile: folder.file("admin-token"), encoding: .utf8)
            .trimmingCharacters(in: .newlines)
        func status(_ query: String) async throws -> Int {
            try await server.get("/v1/backup?\(query)", headers: ["Authorization: Bearer \(token)"]).status
        }
        let machine = try #require(Machine.id)
        let file = try #require(FileIdentity(path: folder.file("hard.db")))
        let place = try #require(FileIdentity(path: folder.path))
        #expect(try await status("machine=\(machine)&file=\(file)") == 400)
        #expect(try await status("machine=elsewhere&file=\(file)") == 200)
        #expect(try await status("machine=\(machine)&folder=\(place)&name=sluice.db-journal") == 400)
        #expect(try await status("machine=\(machine)&folder=\(place)&name=backup.db") == 200)
        #expect(try await status("machine=\(machine)&folder=1:1&name=sluice.db-journal") == 200)
        // Also when it lies elsewhere by now.
        try FileManager.default.moveItem(atPath: folder.file("sluice.db"), toPath: folder.file("away.db"))
        #expect(try await status("machine=\(machine)&file=\(file)") == 400)
    }

    @Test func `An earlier backup is replaced, other files are not`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let other = try await ServerProcess(manifest: TestManifest.text)
        let target = try TemporaryFolder()
        func backup(_ path: String) async throws -> (status: Int32, output: String, error: String) {
            try await Program.run(["backup", path], folder: server.folder)
        }
        #expect(try await backup(target.file("b.db")).status == 0)
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let first = FileIdentity(path: target.file("b.db"))
        try FileManager.default.createSymbolicLink(
            atPath: target.file("latest.db"), withDestinationPath: target.file("b.db"))
        #expect(try await backup(target.file("latest.db")).status == 0)
        #expect(FileIdentity(path: target.file("b.db")) != first)
        let kind = try FileManager.default.attributesOfItem(atPath: target.file("latest.db"))[.type]
        #expect(kind as? FileAttributeType == .typeSymbolicLink)
        let store = try SQLiteJobStore(path: target.file("b.db"))
        let id = try #require(JobID(url.split(separator: "/").last.map(String.init) ?? ""))
        guard case .found(_)? = try await store.fetch([id], including: []).first else {
            Issue.record("the second backup has no job of after the first")
            return
        }
        await store.close()

        try target.write("my notes", to: "notes.txt")
        try target.write("", to: "empty.db")
        do {
            let foreign = try Connection(path: target.file("foreign.db"), role: .copy)
            try foreign.execute("CREATE TABLE mine (x); INSERT INTO mine VALUES (1)")
        }
        for name in ["notes.txt", "empty.db", "foreign.db"] {
            let content = try Data(contentsOf: URL(fileURLWithPath: target.file(name)))
            let run = try await backup(target.file(name))
            #expect(run.status == 65 && run.error.contains("not an earlier backup"), "\(name): \(run.error)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: target.file(name))) == content)
        }
        // The database of another server, by a name that its log does not lie beside.
        try FileManager.default.linkItem(atPath: other.folder.file("sluice.db"), toPath: target.file("other.db"))
        let used = try await backup(target.file("other.db"))
        #expect(used.status == 65 && used.error.contains("in use as a database"), "\(used.error)")
    }
}
