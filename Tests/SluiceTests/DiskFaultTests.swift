import Foundation
import Glibc
import JobModel
import JobStore
import PayloadSchema
import SQLiteJobStore
import TestClient
import Testing

/// A disk that fails, fills up, or loses the database: nothing that was accepted is lost, reads go on, and `/readyz` and
/// the log say so.
@Suite struct DiskFaultTests {
    private static func occurrences(of text: String, in log: String) -> Int {
        log.components(separatedBy: text).count - 1
    }

    /// Accepts until one is refused, which must be a 503 of the contract.
    private static func refused(_ server: ServerProcess) async throws -> HTTPReply {
        for _ in 0..<50 {
            let reply = try await server.post("/api/v1/fast", #"{"fill":"\#(String(repeating: "x", count: 6000))"}"#)
            if reply.status == 202 { continue }
            #expect(reply.status == 503 && reply["retry-after"] != nil, "\(reply.text)")
            #expect(reply.json["type"] == "urn:sluice:problem:store-unavailable")
            return reply
        }
        throw ServerProcess.Failure(description: "everything is accepted")
    }

    private static func token(of server: ServerProcess) throws -> String {
        try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
            .trimmingCharacters(in: .newlines)
    }

    private static func untilReady(_ server: ServerProcess) async throws {
        for _ in 0..<100 {
            if try await server.get("/readyz").status == 200 { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw ServerProcess.Failure(description: "not ready: \(try await server.get("/readyz").text)\n\(server.log)")
    }

    private static func untilNotReady(_ server: ServerProcess) async throws -> String {
        for _ in 0..<100 {
            let reply = try await server.get("/readyz")
            if reply.status == 503 { return reply.text }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ServerProcess.Failure(description: "ready all the time")
    }

    @Test(arguments: [ENOSPC, EDQUOT, EFBIG, EIO, EROFS])
    func `A log that cannot be written is a 503 on every surface; reads go on, and writes come back`(
        _ code: Int32
    ) async throws {
        let disk = try FaultyDisk()
        let server = try await ServerProcess(manifest: TestManifest.text, environment: disk.environment)
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        #expect(try await server.get("/readyz").status == 200)
        try disk.set(.init(.write, of: "-wal", code))
        let reply = try await Self.refused(server)
        let isFull = [ENOSPC, EDQUOT, EFBIG].contains(code)
        #expect(reply.json["detail"]?.string?.contains("full") == isFull)
        // "Ready" is remembered for a second.
        _ = try await Self.untilNotReady(server)
        #expect(try await server.get(url).status == 202)
        let admin = ["Authorization: Bearer \(try Self.token(of: server))"]
        let id = try #require(url.split(separator: "/").last)
        #expect(try await server.get("/v1/tasks/\(id)", headers: admin).status == 200)
        let cancel = try await server.request("DELETE", "/v1/tasks/\(id)", headers: admin)
        #expect(cancel.status == 503 && cancel["retry-after"] != nil, "\(cancel.text)")
        #expect(cancel.json["type"] == "urn:sluice:problem:store-unavailable")
        try disk.set()
        try await Self.untilReady(server)
        #expect(try await server.post("/api/v1/fast", "{}").status == 202)
        #expect(Self.occurrences(of: "The disk does not take writes", in: server.log) == 1)
        #expect(Self.occurrences(of: "The disk takes writes again", in: server.log) == 1)
    }

    @Test func `A file that may not grow is a full disk, not the end`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let size = try FileManager.default.attributesOfItem(atPath: server.folder.file("sluice.db-wal"))[.size]
        let limit = try #require(size as? Int) + 5000
        _ = try await Shell.run("prlimit --pid \(server.pid) --fsize=\(limit):unlimited", in: server.folder)
        #expect(try await Self.refused(server).json["detail"]?.string?.contains("full") == true)
        _ = try await Self.untilNotReady(server)
        #expect(try await server.get(url).status == 202)
        _ = try await Shell.run("prlimit --pid \(server.pid) --fsize=unlimited:unlimited", in: server.folder)
        try await Self.untilReady(server)
    }

    @Test func `After a failed sync nothing is acknowledged; the restart has all that was`() async throws {
        let disk = try FaultyDisk()
        let server = try await ServerProcess(manifest: TestManifest.text, environment: disk.environment)
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        try disk.set(.init(.sync, of: "-wal", EIO))
        let reply = try? await server.post("/api/v1/fast", "{}")
        #expect(reply?.status != 202)
        #expect(try await server.waitForExit() == 1)
        // The disk is no better: that is no mistake in the settings.
        let again = try await Program.run(
            ["serve", "--port", "0"], folder: server.folder, environment: disk.environment)
        #expect(again.status == 75, "\(again.error)")
        let healed = try await ServerProcess(manifest: TestManifest.text, folder: server.folder)
        #expect(try await healed.get(url).status == 202)
    }

    // MARK: Checkpoints

    /// More than a thousand pages.
    private static func fill(_ server: ServerProcess) async throws {
        let body = #"{"fill":"\#(String(repeating: "x", count: 500_000))"}"#
        for _ in 0..<10 { _ = try await server.accept("/api/v1/fast", body, headers: ["Sluice-Delay: 1h"]) }
    }

    @Test(arguments: [EIO, ENOSPC])
    func `A database that takes nothing from its log is told of until it does again`(_ code: Int32) async throws {
        let disk = try FaultyDisk()
        let server = try await ServerProcess(manifest: TestManifest.text, environment: disk.environment)
        try disk.set(.init(.write, of: "/sluice.db", code))
        try await Self.fill(server)
        #expect(try await Self.untilNotReady(server).contains("log cannot be brought into the database"))
        #expect(try await server.metric("sluice_store_checkpoint_errors_total") > 0)
        #expect(try await server.metric("sluice_store_log_pages") > 1000)
        // What is in the log is safe.
        #expect(try await server.post("/api/v1/fast", "{}").status == 202)
        try disk.set()
        try await Self.untilReady(server)
        #expect(Self.occurrences(of: "The log cannot be brought into the database", in: server.log) == 1)
        #expect(Self.occurrences(of: "The log is brought into the database again", in: server.log) == 1)
        // From its beginning again.
        #expect(try await server.post("/api/v1/fast", "{}").status == 202)
        #expect(try await server.metric("sluice_store_log_pages") < 1000)
    }

    @Test func `After a failed sync of a checkpoint it ends, and the restart has everything`() async throws {
        let disk = try FaultyDisk()
        let server = try await ServerProcess(manifest: TestManifest.text, environment: disk.environment)
        try disk.set(.init(.sync, of: "/sluice.db", EIO))
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        try? await Self.fill(server)
        #expect(try await server.waitForExit() == 1)
        let healed = try await ServerProcess(manifest: TestManifest.text, folder: server.folder)
        #expect(try await healed.get(url).status == 202)
    }

    @Test func `Under load the log stays short`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let body = #"{"fill":"\#(String(repeating: "x", count: 20_000))"}"#
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<100 { _ = try await server.accept("/api/v1/fast", body) } }
            }
            try await group.waitForAll()
        }
        let size = try FileManager.default.attributesOfItem(atPath: server.folder.file("sluice.db-wal"))[.size]
        #expect(try #require(size as? Int) < 4 * 1000 * 4120)
    }

    // MARK: A full disk at the start and at the end

    @Test func `A start on a full disk serves reads, and takes up what was left when there is room`() async throws {
        let disk = try FaultyDisk()
        let first = try await ServerProcess(manifest: TestManifest.text)
        let url = try await first.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let running = try await first.accept("/api/v1/slow")
        #expect(try await first.get(running + "?wait=5").json["state"] == "inFlight")
        first.signal(SIGKILL)
        _ = try await first.waitForExit()
        try disk.set(.init(.write, of: "-wal", ENOSPC), .init(.write, of: "/sluice.db", ENOSPC))
        let server = try await ServerProcess(
            manifest: TestManifest.text, folder: first.folder, environment: disk.environment)
        #expect(try await server.get(url).status == 202)
        #expect(try await server.get("/readyz").status == 503)
        #expect(try await Self.refused(server).json["detail"]?.string?.contains("full") == true)
        try disk.set()
        try await Self.untilReady(server)
        try await server.waitForLog("Taking up attempts that were cut off")
        while try await server.get(running + "?wait=5").json["attempts"] != 2 {}
        #expect(try await server.post("/api/v1/fast", "{}").status == 202)
    }

    @Test func `A first start on a full disk says so and exits with 75`() async throws {
        let disk = try FaultyDisk()
        let folder = try TemporaryFolder()
        try folder.write(TestManifest.text, to: "functions.yaml")
        try disk.set(.init(.write, of: "/sluice.db", ENOSPC))
        let run = try await Program.run(["serve", "--port", "0"], folder: folder, environment: disk.environment)
        #expect(run.status == 75)
        #expect(run.error.contains("the disk is full"), "\(run.error)")
    }

    @Test func `SIGTERM on a full disk does not wait for room`() async throws {
        let disk = try FaultyDisk()
        let manifest = TestManifest.text.replacingOccurrences(of: "duration: 300ms", with: "duration: 2s")
        var server = try await ServerProcess(manifest: manifest, environment: disk.environment)
        let url = try await server.accept("/api/v1/steady")
        while try await server.get(url + "?wait=1").json["state"] != "inFlight" {}
        try disk.set(.init(.write, of: "-wal", ENOSPC))
        try await server.waitForLog("Cannot write results")
        let start = ContinuousClock.now
        server.signal(SIGTERM)
        #expect(try await server.waitForExit(seconds: 20) == 0)
        #expect(ContinuousClock.now - start < .seconds(10))
        server = try await ServerProcess(manifest: TestManifest.text, folder: server.folder)
        #expect(try await server.end(of: url).status == 200)
    }

    // MARK: A database that is moved away

    @Test(arguments: ["renamed", "replaced", "its log deleted"])
    func `A database that is no longer the file that was opened takes nothing more, and is read`(
        _ way: String
    ) async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        #expect(try await server.get("/readyz").status == 200)
        let files = FileManager.default
        func path(_ name: String) -> String { server.folder.file(name) }
        let moved = way == "its log deleted" ? "sluice.db-wal" : "sluice.db"
        try files.moveItem(atPath: path(moved), toPath: path("away"))
        if way == "replaced" { try files.copyItem(atPath: path("away"), toPath: path("sluice.db")) }
        #expect(try await server.post("/api/v1/fast", "{}").status == 503)
        // Without any request it notices too.
        try await server.waitForLog("The database was moved away under the server")
        #expect(try await Self.untilNotReady(server).contains("no longer the file that was opened"))
        for _ in 0..<20 { #expect(try await server.get(url).status == 202) }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<32 { group.addTask { try await server.get(url).status } }
            for try await status in group { #expect(status == 202) }
        }
        // A copy is of what is open, not of what lies there now.
        let rescue = try TemporaryFolder()
        let backup = try await Program.run(["backup", rescue.file("sluice.db")], folder: server.folder)
        #expect(backup.status == 0, "\(backup.error)")
        let rescued = try await ServerProcess(manifest: TestManifest.text, folder: rescue)
        #expect(try await rescued.get(url).status == 202)
        unlink(path(moved))
        try files.moveItem(atPath: path("away"), toPath: path(moved))
        try await Self.untilReady(server)
        #expect(try await server.post("/api/v1/fast", "{}").status == 202)
        #expect(Self.occurrences(of: "moved away under the server", in: server.log) == 1)
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        let again = try await ServerProcess(manifest: TestManifest.text, folder: server.folder)
        #expect(try await again.get(url).status == 202)
    }

    @Test func `A damaged database is not ready`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        for _ in 0..<20 { _ = try await server.accept("/api/v1/fast") }
        #expect(try await server.get("/readyz").status == 200)
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: server.folder.file("sluice.db")))
        let log = try FileHandle(forWritingTo: URL(fileURLWithPath: server.folder.file("sluice.db-wal")))
        for (file, size) in [(handle, try handle.seekToEnd()), (log, try log.seekToEnd())] {
            try file.seek(toOffset: 32)
            try file.write(contentsOf: Data(repeating: 7, count: Int(size) - 32))
        }
        #expect(try await Self.untilNotReady(server).contains("damaged"))
        try await server.waitForLog("The database is damaged")
    }
}
