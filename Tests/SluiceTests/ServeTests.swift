import Foundation
import Glibc
import JobEngine
import JobModel
import JobStore
import PayloadSchema
import SQLiteJobStore
import ServiceLifecycle
import TestClient
import Testing
import Timing

@testable import ServerHost

/// Starting, stopping, and what is said while doing so.
@Suite struct ServeTests {
    @Test func `It says when it is ready, and the curl line below works`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        // Warnings may stand above it.
        let ready = server.log.split(separator: "\n").map(String.init).drop { !$0.hasPrefix("sluice ready") }.map(
            \.self)
        try #require(ready.count > 1)
        #expect(
            ready[0].wholeMatch(
                of: /sluice ready http:\/\/127\.0\.0\.1:\d+ functions=\d+ revision=[0-9a-f]{12} pid=\d+/) != nil)
        let output = try await Shell.run(ready[1].trimmingCharacters(in: .whitespaces), in: server.folder)
        #expect(output.contains("HTTP/1.1 202"))
    }

    @Test func `The curl line works for a function with path parameters and credentials too`() async throws {
        let manifest = """
            version: 1
            functions:
              only:
                handler: {builtin: echo}
                endpoint: {path: "a/{x}/b/{y}", method: PUT}
            """
        let server = try await ServerProcess(manifest: manifest)
        let line = try #require(server.log.split(separator: "\n").first { $0.contains("curl") })
        let output = try await Shell.run(line.trimmingCharacters(in: .whitespaces), in: server.folder)
        #expect(output.contains("HTTP/1.1 202"))
    }

    @Test func `Health checks answer`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        #expect(try await server.get("/livez").status == 200)
        #expect(try await server.get("/readyz").json == ["status": "ready"])
    }

    @Test func `The data folder holds what the command line needs, for its owner only`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let content = try Data(contentsOf: URL(fileURLWithPath: server.folder.file("server.json")))
        let json = try JSONParser.parse([UInt8](content))
        #expect(json["pid"] == .integer(server.pid))
        #expect(json["url"] == .string("http://127.0.0.1:\(server.port)"))
        let token = try FileManager.default.attributesOfItem(atPath: server.folder.file("admin-token"))
        #expect((token[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        #expect(!FileManager.default.fileExists(atPath: server.folder.file("server.json")))
    }

    @Test func `SIGTERM answers long polls, gives back what runs on, and loses nothing`() async throws {
        let manifest = TestManifest.text.replacingOccurrences(
            of: "version: 1", with: "version: 1\nserver: {shutdownGrace: 300ms}")
        var server = try await ServerProcess(manifest: manifest)
        let running = try await server.accept("/api/v1/slow")
        let queued = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        #expect(try await server.get(running + "?wait=5").json["state"] == "inFlight")
        let poller = server
        async let poll = poller.get(queued + "?wait=25")
        while try await server.get("/livez").status != 200 {}
        server.signal(SIGTERM)
        let answer = try await poll
        #expect(answer.status == 202)
        #expect(try await server.waitForExit(seconds: 5) == 0)

        server = try await ServerProcess(manifest: manifest, folder: server.folder)
        // The attempt that was given back kept no number.
        _ = try await server.get(running + "?wait=5")
        let again = try await server.get(running)
        #expect(again.json["state"] == "inFlight")
        #expect(again.json["attempts"] == 1)
        #expect(again.json["lastError"] == .null)
    }

    @Test func `Attempts that end within the grace time are finished`() async throws {
        var server = try await ServerProcess(manifest: TestManifest.text)
        let url = try await server.accept("/api/v1/steady")
        _ = try await server.get(url + "?wait=5")
        server.signal(SIGTERM)
        #expect(try await server.waitForExit(seconds: 10) == 0)
        server = try await ServerProcess(manifest: TestManifest.text, folder: server.folder)
        let reply = try await server.get(url)
        #expect(reply.status == 200)
        #expect(reply.json["attempts"] == 1)
    }

    @Test func `It is not ready while it drains, and a second SIGTERM ends it at once`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let url = try await server.accept("/api/v1/slow")
        _ = try await server.get(url + "?wait=5")
        server.signal(SIGTERM)
        try await server.waitForLog("Waiting for running attempts")
        let ready = try await server.get("/readyz")
        #expect(ready.status == 503)
        #expect(ready.json["detail"]?.string?.contains("shutting down") == true)
        server.signal(SIGTERM)
        #expect(try await server.waitForExit(seconds: 5) == 143)
    }

    @Test func `It exits at once with idle and silent connections open`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let port = server.port
        let connections = try await offPool {
            try (0..<20).map { number in
                let connection = try RawConnection(port: port)
                if number % 2 == 0 {
                    try connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    _ = try connection.response()
                }
                return connection
            }
        }
        server.signal(SIGTERM)
        #expect(try await server.waitForExit(seconds: 5) == 0)
        withExtendedLifetime(connections) {}
    }

    @Test func `A second process on the database exits with 75 and names the first`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let second = try await Program.run(["serve", "--port", "0"], folder: server.folder, seconds: 5)
        #expect(second.status == 75)
        #expect(second.error.contains("process \(server.pid)"))
    }

    @Test func `A port in use is a clear error`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let folder = try TemporaryFolder()
        try folder.write(TestManifest.text, to: "functions.yaml")
        let second = try await Program.run(["serve", "--port", "\(server.port)"], folder: folder)
        #expect(second.status == 78)
        #expect(second.error.contains("--port"))
    }

    @Test func `A start that fails because the port is in use starts no attempt`() async throws {
        let manifest = """
            version: 1
            functions:
              once:
                handler: {builtin: echo, simulate: {duration: 0s}}
                endpoint: {auth: public}
                retry: {attempts: 1}
                delay: 500ms
            """
        let other = try await ServerProcess(manifest: TestManifest.text)
        let first = try await ServerProcess(manifest: manifest)
        var urls: [String] = []
        for _ in 0..<50 { urls.append(try await first.accept("/api/v1/once")) }
        first.signal(SIGKILL)
        _ = try await first.waitForExit()
        try await Task.sleep(for: .milliseconds(600))
        // On a slow machine some may have run before the kill; none runs in the starts that fail.
        let before = try await Self.attempts(of: urls, in: first.folder)
        for _ in 0..<5 {
            let refused = try await Program.run(["serve", "--port", "\(other.port)"], folder: first.folder)
            #expect(refused.status == 78)
        }
        #expect(try await Self.attempts(of: urls, in: first.folder) == before)
        let last = try await ServerProcess(manifest: manifest, folder: first.folder)
        for url in urls {
            let reply = try await last.end(of: url)
            #expect(reply.status == 200)
            #expect(reply.json["attempts"] == 1)
        }
    }

    private static func attempts(of urls: [String], in folder: TemporaryFolder) async throws -> [[Attempt]] {
        let store = try SQLiteJobStore(path: folder.file("sluice.db"))
        var attempts: [[Attempt]] = []
        for url in urls {
            let id = try #require(JobID(url.split(separator: "/").last.map(String.init) ?? ""))
            attempts.append(try await store.attempts(of: id))
        }
        await store.close()
        return attempts
    }

    @Test func `A service behind a gate runs when the gate opens, not before`() async throws {
        let ran = OneShot<Void>()
        let gate = StartedLater(service: Probe(ran: ran))
        async let run: Void = gate.run()
        for _ in 0..<1000 { await Task.yield() }
        #expect(ran.current == nil)
        gate.open.set(())
        try await run
        #expect(ran.current != nil)
    }

    private struct Probe: Service {
        let ran: OneShot<Void>
        func run() async throws { ran.set(()) }
    }

    @Test func `It goes on when nobody reads its log any more`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(TestManifest.text, to: "functions.yaml")
        let script = """
            '\(Program.path(of: "sluice"))' serve --port 0 2> >(head -n 1 > first) & pid=$!
            until [ -s server.json ] && [ -s first ]; do :; done
            url=$(jq -r .url server.json)
            for i in 1 2 3 4 5; do curl -s -H 'Prefer: wait=5' --json '{}' $url/api/v1/fast | jq -r .state; done
            kill $pid; wait $pid
            """
        #expect(try await Shell.run(script, in: folder) == String(repeating: "completed\n", count: 5))
    }

    @Test func `The server that benchmarks compare with accepts, and keeps nothing`() async throws {
        let server = try await ServerProcess(
            manifest: TestManifest.text, environment: ["PORT": "0"], binary: "DiscardingServer")
        let url = try await server.accept("/api/v1/fast")
        #expect(try await server.get(url).status == 410)
        #expect(!FileManager.default.fileExists(atPath: server.folder.file("sluice.db")))
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
    }

    @Test func `A second name for the same database is the same database`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        try FileManager.default.createSymbolicLink(
            atPath: server.folder.file("alias.db"), withDestinationPath: server.folder.file("sluice.db"))
        let second = try await Program.run(
            ["serve", "--port", "0", "--database", "sqlite:alias.db"], folder: server.folder, seconds: 5)
        #expect(second.status == 75)
    }

    @Test(arguments: [
        ("PORT", "http"), ("PORT", "70000"), ("DATABASE_URL", "postgres://localhost/x"), ("DATABASE_URL", "x.db"),
        ("DATABASE_URL", "discard:"),
        ("LOG_LEVEL", "loud"), ("LOG_FORMAT", "xml"), ("SLUICE_ADMIN_TOKEN", "short"),
        ("SLUICE_ADMIN_TOKEN_FILE", "/nowhere"), ("SLUICE_MANIFEST", "nowhere.yaml"),
    ])
    func `Wrong settings exit with 78`(_ name: String, _ value: String) async throws {
        let folder = try TemporaryFolder()
        try folder.write(TestManifest.text, to: "functions.yaml")
        let run = try await Program.run(["serve"], folder: folder, environment: [name: value])
        #expect(run.status == 78)
        #expect(run.error.hasPrefix("error: "))
    }

    @Test func `A .env beside the manifest counts, the environment wins`() async throws {
        let folder = try TemporaryFolder()
        try folder.write("PORT=1\nSLUICE_ADMIN_TOKEN=\"\(String(repeating: "s", count: 40))\"\n", to: ".env")
        let server = try await ServerProcess(manifest: TestManifest.text, folder: folder)
        let reply = try await server.post(
            "/api/v1/private", "{}", headers: ["Authorization: Bearer \(String(repeating: "s", count: 40))"])
        #expect(reply.status == 202)
        #expect(!FileManager.default.fileExists(atPath: folder.file("admin-token")))
    }

    @Test func `A usage error exits with 64`() async throws {
        let folder = try TemporaryFolder()
        #expect(try await Program.run(["serve", "--nosuch"], folder: folder).status == 64)
        #expect(try await Program.run(["--version"], folder: folder).output == "0.1.0\n")
    }

    @Test func `CORS answers the manifest's origins and no others`() async throws {
        let manifest = TestManifest.text.replacingOccurrences(
            of: "version: 1", with: "version: 1\nserver: {cors: {origins: [\"https://app.example.com\"]}}")
        let server = try await ServerProcess(manifest: manifest)
        let preflight = try await server.request(
            "OPTIONS", "/api/v1/fast",
            headers: [
                "Origin: https://app.example.com", "Access-Control-Request-Method: POST",
                "Access-Control-Request-Headers: content-type",
            ])
        #expect(preflight.status == 204)
        #expect(preflight["access-control-allow-origin"] == "https://app.example.com")
        // Browsers refuse two.
        #expect(preflight.headers.filter { $0.name == "access-control-allow-origin" }.count == 1)
        #expect(preflight["access-control-allow-headers"] == "content-type")
        let reply = try await server.post("/api/v1/fast", "{}", headers: ["Origin: https://app.example.com"])
        #expect(reply["access-control-expose-headers"]?.contains("Location") == true)
        let other = try await server.post("/api/v1/fast", "{}", headers: ["Origin: https://evil.example.com"])
        #expect(other["access-control-allow-origin"] == nil)
    }
}

/// Shell lines as a reader of README types them.
enum Shell {
    static func run(_ line: String, in folder: TemporaryFolder) async throws -> String {
        try await offPool {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/bash")
            process.arguments = ["-euo", "pipefail", "-c", line]
            process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
            let output = Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            try process.run()
            let data = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw ServerProcess.Failure(description: "exit \(process.terminationStatus): \(line)")
            }
            return String(decoding: data, as: UTF8.self)
        }
    }
}
