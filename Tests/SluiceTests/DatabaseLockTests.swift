import Foundation
import Glibc
import JobModel
import JobStore
import PayloadSchema
import SQLiteJobStore
import TestClient
import Testing

/// One server per database, whatever it is called; and what lies where a server starts.
@Suite struct DatabaseLockTests {
    @Test(arguments: ["a hard link", "the lock file removed", "a hard link, the lock file removed"])
    func `A second server is refused, with the owner's pid`(_ way: String) async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let folder = server.folder
        let running = try await server.accept("/api/v1/slow")
        #expect(try await server.get(running + "?wait=5").json["state"] == "inFlight")
        var database = "sluice.db"
        if way.contains("hard link") {
            database = "other.db"
            try FileManager.default.linkItem(atPath: folder.file("sluice.db"), toPath: folder.file(database))
        }
        if way.contains("removed") { unlink(folder.file("sluice.db.lock")) }
        let second = try await Program.run(
            ["serve", "--port", "0", "--database", "sqlite:\(database)"], folder: folder, seconds: 10)
        #expect(second.status == 75)
        #expect(second.error.contains("process \(server.pid)"), "\(second.error)")
        // The first has kept its locks and its job.
        #expect(try await server.post("/api/v1/fast", "{}").status == 202)
        #expect(try await server.get(running).json["attempts"] == 1)
        #expect(try await server.get("/readyz").status == 200)
    }

    @Test func `A start that fails because the port is in use takes nothing up`() async throws {
        let other = try await ServerProcess(manifest: TestManifest.text)
        let first = try await ServerProcess(manifest: TestManifest.text)
        let url = try await first.accept("/api/v1/slow")
        #expect(try await first.get(url + "?wait=5").json["state"] == "inFlight")
        first.signal(SIGKILL)
        _ = try await first.waitForExit()
        for _ in 0..<4 {
            let refused = try await Program.run(["serve", "--port", "\(other.port)"], folder: first.folder)
            #expect(refused.status == 78)
        }
        let store = try SQLiteJobStore(path: first.folder.file("sluice.db"))
        let id = try #require(JobID(url.split(separator: "/").last.map(String.init) ?? ""))
        guard case .found(let job)? = try await store.fetch([id], including: []).first else {
            Issue.record("the job is gone")
            return
        }
        #expect(job.state == .running && job.progress.lost == 0)
        await store.close()
    }

    @Test func `SIGHUP before it listens does not end it`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(TestManifest.text, to: "functions.yaml")
        // It opens its database after it has begun to ignore the signal. Whoever runs the tests may ignore it too, and that
        // is inherited.
        let script = """
            for round in 1 2 3; do
                rm -f sluice.db* log
                env --default-signal=HUP '\(Program.path(of: "sluice"))' serve --port 0 2> log & pid=$!
                until [ -e sluice.db.lock ]; do :; done
                until grep -q 'sluice ready' log; do kill -HUP $pid; done
                kill $pid; wait $pid
            done
            """
        _ = try await Shell.run(script, in: folder)
    }

    // MARK: What lies there

    /// A server that was killed with jobs in its log, and its folder.
    private static func killed() async throws -> (folder: TemporaryFolder, url: String) {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        server.signal(SIGKILL)
        _ = try await server.waitForExit()
        return (server.folder, url)
    }

    private static func refusedStart(in folder: TemporaryFolder) async throws -> String {
        let run = try await Program.run(["serve", "--port", "0"], folder: folder, seconds: 10)
        #expect(run.status == 78)
        return run.error
    }

    @Test(arguments: [true, false])
    func `An empty or missing database beside a full log is refused, and the log stays`(_ isEmpty: Bool) async throws {
        let (folder, url) = try await Self.killed()
        try FileManager.default.moveItem(atPath: folder.file("sluice.db"), toPath: folder.file("aside"))
        if isEmpty { try folder.write("", to: "sluice.db") }
        let error = try await Self.refusedStart(in: folder)
        #expect(error.contains(isEmpty ? "is empty" : "is not there") && error.contains("sluice.db-wal"))
        // As the message says, so it helps.
        unlink(folder.file("sluice.db"))
        try FileManager.default.moveItem(atPath: folder.file("aside"), toPath: folder.file("sluice.db"))
        let server = try await ServerProcess(manifest: TestManifest.text, folder: folder)
        #expect(try await server.get(url).status == 202)
    }

    @Test func `A log that is garbage is refused, one that was never written is not`() async throws {
        let (folder, _) = try await Self.killed()
        let log = URL(fileURLWithPath: folder.file("sluice.db-wal"))
        var bytes = try Data(contentsOf: log)
        bytes[20] ^= 1
        try bytes.write(to: log)
        #expect(try await Self.refusedStart(in: folder).contains("sluice.db-wal"))
        try Data(repeating: 0, count: 8192).write(to: log)
        let server = try await ServerProcess(manifest: TestManifest.text, folder: folder)
        #expect(server.log.contains("Accepted jobs may be lost"))
    }

    @Test func `A database that was replaced beside the former one's log is refused`() async throws {
        let (folder, _) = try await Self.killed()
        let files = FileManager.default
        try files.copyItem(atPath: folder.file("sluice.db"), toPath: folder.file("copy"))
        try files.moveItem(atPath: folder.file("sluice.db"), toPath: folder.file("former"))
        try files.moveItem(atPath: folder.file("copy"), toPath: folder.file("sluice.db"))
        #expect(try await Self.refusedStart(in: folder).contains("was replaced"))
        // As the message says.
        unlink(folder.file("sluice.db-wal"))
        unlink(folder.file("sluice.db-shm"))
        let server = try await ServerProcess(manifest: TestManifest.text, folder: folder)
        #expect(!server.log.contains("may be lost"))
    }

    @Test func `A database that was replaced under a server is refused after its end too`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let folder = server.folder
        let backup = try await Program.run(["backup", "earlier.db"], folder: folder)
        #expect(backup.status == 0)
        for _ in 0..<20 { _ = try await server.accept("/api/v1/fast") }
        try FileManager.default.moveItem(atPath: folder.file("sluice.db"), toPath: folder.file("former"))
        try FileManager.default.moveItem(atPath: folder.file("earlier.db"), toPath: folder.file("sluice.db"))
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        #expect(try await Self.refusedStart(in: folder).contains("was replaced"))
        for name in ["sluice.db-wal", "sluice.db-shm"] { unlink(folder.file(name)) }
        let restored = try await ServerProcess(manifest: TestManifest.text, folder: folder)
        #expect(try await restored.get(url).status == 202)
    }

    @Test func `A log that was removed after a crash is told of, one that a clean end took away is not`() async throws {
        let (folder, _) = try await Self.killed()
        unlink(folder.file("sluice.db-wal"))
        var server = try await ServerProcess(manifest: TestManifest.text, folder: folder)
        #expect(server.log.contains("Accepted jobs may be lost"))
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        server = try await ServerProcess(manifest: TestManifest.text, folder: folder)
        #expect(!server.log.contains("may be lost"))
    }

    @Test func `A folder that was copied after a crash starts with all of its jobs`() async throws {
        let (folder, url) = try await Self.killed()
        let copy = try TemporaryFolder()
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try FileManager.default.copyItem(atPath: folder.file(name), toPath: copy.file(name))
        }
        let server = try await ServerProcess(manifest: TestManifest.text, folder: copy)
        #expect(try await server.get(url).status == 202)
        #expect(!server.log.contains("may be lost"))
    }
}
