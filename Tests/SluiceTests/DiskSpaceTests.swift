import Foundation
import Glibc
import PayloadSchema
import Synchronization
import TestClient
import Testing

@testable import ServerHost

/// `server.minFreeSpace`: a disk that gets short of space is told of, and refuses calls before it is full.
@Suite(.timeLimit(.minutes(2))) struct DiskSpaceTests {
    private static func manifest(_ bytes: Int64) -> String {
        TestManifest.text.replacing("defaults:", with: "server: {minFreeSpace: \(bytes)B}\ndefaults:")
    }

    private static func reload(_ server: ServerProcess, _ bytes: Int64) async throws {
        try server.folder.write(manifest(bytes), to: "functions.yaml")
        let reload = try await Program.run(["reload"], folder: server.folder)
        #expect(reload.status == 0, "\(reload.error)")
    }

    @Test func `Below the setting nothing is accepted, below four times it nothing without credentials`() async throws {
        // More than any disk has, and less than a quarter and more than half of what this one has.
        let (low, scarce) = (Int64(1) << 50, try #require(SpaceMeter.freeBytes(beside: NSTemporaryDirectory())) / 2)
        let server = try await ServerProcess(manifest: Self.manifest(0))
        let admin = ["Authorization: Bearer \(try server.adminToken)"]
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let running = try await server.accept("/api/v1/steady")
        let keyed = try await server.post("/api/v1/fast", "{}", headers: ["Idempotency-Key: k"])
        let metrics = try await server.get("/metrics").text
        #expect(metrics.contains("\nsluice_free_bytes "))

        try await Self.reload(server, low)
        for headers in [[], admin] {
            let reply = try await server.post("/api/v1/fast", "{}", headers: headers)
            #expect(reply.status == 503 && reply["retry-after"] != nil, "\(reply.text)")
            #expect(reply.json["type"] == "urn:sluice:problem:disk-low")
            #expect(
                reply.json["detail"]?.string?.contains("server.minFreeSpace is 1048576GiB") == true, "\(reply.text)")
        }
        let ready = try await server.get("/readyz")
        #expect(ready.status == 503 && ready.text.contains("server.minFreeSpace"), "\(ready.text)")
        try await server.waitForLog("Too little disk space")
        // Everything else goes on: reads, runs, replays, cancels.
        #expect(try await server.end(of: running).status == 200)
        let replay = try await server.post("/api/v1/fast", "{}", headers: ["Idempotency-Key: k"])
        #expect(replay.status == 202 && replay.json["jobId"] == keyed.json["jobId"])
        #expect(try await server.get(url).status == 202)
        #expect(try await server.request("DELETE", url).status == 200)

        try await Self.reload(server, scarce)
        let refused = try await server.post("/api/v1/fast", "{}")
        #expect(refused.status == 503 && refused.json["type"] == "urn:sluice:problem:disk-low", "\(refused.text)")
        #expect(refused.json["detail"]?.string?.contains("four times server.minFreeSpace") == true)
        #expect(try await server.post("/api/v1/fast", "{}", headers: admin).status == 202)
        #expect(try await server.get("/readyz").status == 200)
        try await server.waitForLog("Little disk space")

        try await Self.reload(server, 0)
        #expect(try await server.post("/api/v1/fast", "{}").status == 202)
        try await server.waitForLog("There is enough disk space again")
        for text in ["Too little disk space", "\"Little disk space", "There is enough disk space again"] {
            #expect(server.log.components(separatedBy: text).count == 2, "\(text)")
        }
    }

    @Test func `Free space is what is left for whoever is not root; of nothing it is not known`() throws {
        let free = try #require(SpaceMeter.freeBytes(beside: NSTemporaryDirectory()))
        #expect(free > 0)
        #expect(SpaceMeter.freeBytes(beside: "/nowhere/at/all") == nil)
    }

    @Test func `It is measured again and again until a shutdown, by whom nobody waits for`() async throws {
        let measured = Mutex<Int64>(0)
        let told = Mutex<[Int64?]>([])
        let meter = SpaceMeter(
            measure: {
                measured.withLock {
                    $0 += 1; return $0
                }
            }, tell: { bytes in told.withLock { $0.append(bytes) } })
        meter.look()
        #expect(told.withLock { $0 } == [1])
        let task = Task { try await meter.run() }
        while told.withLock({ $0.count }) < 3 { try await Task.sleep(for: .milliseconds(20)) }
        task.cancel()
        try await task.value
        #expect(told.withLock { $0.prefix(3) } == [1, 2, 3])
    }
}
