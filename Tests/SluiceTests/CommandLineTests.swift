import Foundation
import Glibc
import PayloadSchema
import TestClient
import Testing

/// The commands towards a server, run in its data folder as an operator does.
@Suite struct CommandLineTests {
    let server: ServerProcess

    init() async throws {
        server = try await ServerProcess(manifest: TestManifest.text)
    }

    private func sluice(_ arguments: String...) async throws -> (status: Int32, output: String, error: String) {
        try await Program.run(arguments, folder: server.folder)
    }

    private func id(_ statusURL: String) -> String { statusURL.split(separator: "/").last.map(String.init) ?? "" }

    @Test func `invoke prints the id, and with --wait the result`() async throws {
        let accepted = try await sluice("invoke", "fast", "-d", #"{"a":1}"#)
        #expect(accepted.status == 0)
        #expect(UUID(uuidString: accepted.output.trimmingCharacters(in: .newlines)) != nil)
        try server.folder.write(#"{"width": 12}"#, to: "payload.json")
        let waited = try await sluice("invoke", "size", "-d", "@payload.json", "--wait")
        #expect(waited.output == #"{"resized":true,"width":12,"height":600}"# + "\n")
        let json = try JSONParser.parse(try await sluice("invoke", "fast", "--wait", "--json").output)
        #expect(json["state"] == "completed")
        let placed = try await sluice("invoke", "report", "--path", "reports/may", "--wait")
        #expect(placed.output.contains("reportUrl"))
    }

    @Test func `invoke exits with the contract's codes`() async throws {
        let failed = try await sluice("invoke", "broken", "--wait")
        #expect(failed.status == 1)
        #expect(failed.error == "error: the job ended as deadLetter: Server error: HTTP 503 - Service Unavailable\n")
        #expect(try await sluice("invoke", "fast", "-d", "{").status == 65)
        #expect(try await sluice("invoke", "fast", "-d", "@nowhere").status == 65)
        #expect(try await sluice("invoke", "nosuch").status == 65)
        #expect(try await sluice("invoke", "report").status == 64)
        #expect(try await sluice("invoke", "slow", "--wait", "--timeout", "1").status == 75)
        #expect(try await sluice("invoke").status == 64)
    }

    @Test func `A server that is not there is a 69, a foreign folder a 77`() async throws {
        let empty = try TemporaryFolder()
        let nowhere = try await Program.run(["status"], folder: empty)
        #expect(nowhere.status == 69)
        #expect(nowhere.error.contains("sluice serve"))
        let dead = try await Program.run(["status", "--server", "http://127.0.0.1:1"], folder: empty)
        #expect(dead.status == 69)
        let url = "http://127.0.0.1:\(server.port)"
        let stranger = try await Program.run(["status"], folder: empty, environment: ["SLUICE_URL": url])
        #expect(stranger.status == 77)
        #expect(stranger.error.contains("--data"))
        let guided = try await Program.run(["status", "--data", server.folder.path], folder: empty)
        #expect(guided.status == 0)
        #expect(try await Program.run(["status", "--server", "ftp://x"], folder: empty).status == 64)
    }

    @Test func `status shows what runs, waits, fails and is paused`() async throws {
        _ = try await server.end(of: try await server.accept("/api/v1/refused"))
        let running = try await server.accept("/api/v1/slow")
        _ = try await server.get(running + "?wait=5")
        #expect(try await sluice("pause", "fast").output == "fast paused\n")
        _ = try await server.accept("/api/v1/fast")
        let status = try await sluice("status")
        #expect(status.status == 0)
        #expect(status.output.contains("queued 1   running 1 of 256 slots   failed 1"))
        #expect(status.output.contains("ready"))
        #expect(status.output.split(separator: "\n").contains { $0.hasPrefix("fast ") && $0.hasSuffix("paused") })
        #expect(status.output.contains("HTTP 422"))
        // No colour where nobody looks.
        #expect(!status.output.contains("\u{1B}"))
        let json = try JSONParser.parse(try await sluice("status", "--json").output)
        #expect(json["ready"] == true)
        #expect(json["failed"] == 1)
        #expect(try await sluice("resume", "fast").output == "fast resumed\n")
        #expect(try await sluice("pause", "nosuch").status == 1)
    }

    @Test func `jobs lists, shows, cancels and retries`() async throws {
        let failed = id(try await server.accept("/api/v1/broken"))
        _ = try await server.end(of: "/api/v1/broken/status/\(failed)")
        let waiting = id(try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"]))
        let list = try await sluice("jobs", "list", "--status", "failed")
        #expect(list.output.contains(failed))
        #expect(!list.output.contains(waiting))
        #expect(list.output.hasSuffix("1 of 1\n"))
        let shown = try await sluice("jobs", "show", failed)
        #expect(shown.output.contains("attempt 2: "))
        #expect(shown.output.contains("Service Unavailable"))
        #expect(try await sluice("jobs", "cancel", waiting).output == "\(waiting) cancelled\n")
        #expect(try await sluice("jobs", "retry", failed, waiting).status == 0)
        #expect(try await sluice("jobs", "retry", waiting, "0199a0e0-0000-7000-8000-000000000000").status == 1)
        #expect(try await sluice("jobs", "show", "nonsense").status == 65)
        #expect(try await sluice("jobs", "list", "--status", "done").status == 65)
        let json = try JSONParser.parse(try await sluice("jobs", "list", "--json").output)
        #expect(json["total"] == 2)
    }
}

/// "Why has my job not run?", asked of `sluice jobs show` alone.
@Suite struct ExplanationTests {
    private static let manifest = """
        version: 1
        server: {concurrency: 2}
        functions:
          one:
            handler: {builtin: echo, simulate: {duration: 1h}}
            endpoint: {auth: public}
            timeout: 2h
            concurrency: 1
          paced:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            throttle: {limit: 1, per: 1h}
          failing:
            handler: {builtin: echo, simulate: {duration: 0s, status: 500}}
            endpoint: {auth: public}
            retry: {delay: 1h, jitter: none}
          off:
            handler: {builtin: echo}
            endpoint: {auth: public}
            paused: true
        """

    @Test func `Every reason is told`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        func show(_ url: String) async throws -> String {
            let id = url.split(separator: "/").last.map(String.init) ?? ""
            return try await Program.run(["jobs", "show", id], folder: server.folder).output
        }
        let delayed = try await server.accept("/api/v1/paced", headers: ["Sluice-Delay: 1h"])
        #expect(try await show(delayed).contains("waits: scheduled for "))
        let failing = try await server.accept("/api/v1/failing")
        while try await server.get(failing + "?wait=5").json["attempts"] != 1 {}
        while try await server.get(failing).json["state"] != "pending" { _ = try await server.get(failing + "?wait=5") }
        #expect(try await show(failing).contains("waits: attempt 1 failed; the next starts at "))
        let off = try await server.accept("/api/v1/off")
        #expect(try await show(off).contains("waits: the manifest pauses off"))

        _ = try await server.end(of: try await server.accept("/api/v1/paced"))
        let paced = try await server.accept("/api/v1/paced")
        #expect(try await show(paced).contains("waits: paced.throttle lets the next one start at "))
        let behind = try await server.accept("/api/v1/paced")
        #expect(try await show(behind).contains("waits: 1 jobs come before it"))

        let running = try await server.accept("/api/v1/one")
        _ = try await server.get(running + "?wait=5")
        let second = try await server.accept("/api/v1/one")
        #expect(try await show(second).contains("waits: as many attempts with its key run as one.concurrency allows"))
        _ = try await Program.run(["pause", "failing"], folder: server.folder)
        #expect(try await show(failing).contains("\"sluice resume failing\" ends that"))
    }
}
