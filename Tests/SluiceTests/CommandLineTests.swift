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
        let late = try await sluice("invoke", "slow", "--wait", "--timeout", "1")
        #expect(late.status == 75, "\(late)")
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

/// What people see on a terminal, which script(1) makes.
@Suite struct TerminalTests {
    private static let manifest = """
        version: 1
        functions:
          flaky:
            handler: {builtin: echo, simulate: {duration: 1500ms, status: 500}}
            endpoint: {auth: public}
            retry: {attempts: 2, delay: 2500ms, jitter: none}
          slow:
            handler: {builtin: echo, simulate: {duration: 1m}}
            endpoint: {auth: public}
            timeout: 2m
        """

    private func onTerminal(_ command: String, _ server: ServerProcess) async throws -> String {
        let binaries = URL(fileURLWithPath: Program.path(of: "sluice")).deletingLastPathComponent().path
        return try await Shell.run(
            "export PATH='\(binaries)':$PATH TERM=xterm; unset NO_COLOR; script -qec '\(command)' /dev/null || true",
            in: server.folder)
    }

    @Test func `invoke --wait tells state, attempt, elapsed time and the next attempt`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        let shown = try await onTerminal("sluice invoke flaky --wait", server)
        #expect(shown.contains("flaky: inFlight, attempt 1 of 2, "))
        #expect(shown.contains(/flaky: pending, attempt 1 of 2, \d+s, next attempt in [123]s/))
        #expect(shown.contains("flaky: inFlight, attempt 2 of 2, "))
        #expect(shown.contains("the job ended as deadLetter: Server error: HTTP 500 - Internal Server Error"))
    }

    @Test func `Colour is for terminals, and for those who want it`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        #expect(try await onTerminal("sluice status", server).contains("\u{1B}[32mready"))
        #expect(!(try await onTerminal("NO_COLOR=1 sluice status", server).contains("\u{1B}")))
    }

    @Test func `Ctrl-C ends a wait with 130, and the job goes on`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        let waiting = try Program(["invoke", "slow", "--wait"], folder: server.folder)
        // The long poll is under way once the job runs.
        while try await Program.run(["jobs", "list", "--status", "processing", "--json"], folder: server.folder)
            .output.contains(#""total":0"#)
        {}
        waiting.kill(SIGINT)
        #expect(try await offPool { waiting.waitForExit(seconds: 10) } == 130)
        let status = try JSONParser.parse(
            try await Program.run(["status", "--json"], folder: server.folder).output)
        #expect(status.value(at: ["queue", "processingTasks"]) == 1)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func `Completions are there for every shell`(_ shell: String) async throws {
        let folder = try TemporaryFolder()
        let made = try await Program.run(["--generate-completion-script", shell], folder: folder)
        #expect(made.status == 0)
        for word in ["serve", "invoke", "account", "backup", "resume"] { #expect(made.output.contains(word)) }
        guard shell == "bash" else { return }
        try folder.write(made.output, to: "completions")
        _ = try await Shell.run("bash -n completions", in: folder)
    }
}

@Suite struct AccountCommandTests {
    let server: ServerProcess

    init() async throws {
        server = try await ServerProcess(manifest: TestManifest.text)
    }

    private func sluice(_ arguments: String...) async throws -> (status: Int32, output: String, error: String) {
        try await Program.run(arguments, folder: server.folder)
    }

    private func calls(with key: String) async throws -> Int {
        try await server.post("/api/v1/private", "{}", headers: ["Authorization: Bearer \(key)"]).status
    }

    @Test func `An account is made, used, listed and revoked`() async throws {
        let made = try await sluice("account", "create", "acme")
        #expect(made.status == 0)
        #expect(made.error.contains("not shown again"))
        let key = try #require(made.output.firstMatch(of: /API key  (slc_\S+)/)?.output.1).description
        #expect(try await calls(with: key) == 202)
        let json = try JSONParser.parse(try await sluice("account", "create", "acme", "--add-key", "--json").output)
        let second = try #require(json["apiKey"]?.string)
        let prefix = try #require(json["prefix"]?.string)
        #expect(try await calls(with: second) == 202)
        let list = try await sluice("account", "list")
        #expect(list.output.contains(prefix))
        #expect(!list.output.contains(second))
        #expect(try await sluice("account", "revoke", "acme", "--key", prefix).output == "acme: 1 revoked\n")
        #expect(try await calls(with: second) == 401)
        #expect(try await calls(with: key) == 202)
        #expect(try await sluice("account", "revoke", "acme").output == "acme: 1 revoked\n")
        #expect(try await calls(with: key) == 401)
        #expect(try await sluice("account", "list").output.contains("revoked 20"))
    }

    @Test func `Mistakes have their exit codes and say what to do`() async throws {
        _ = try await sluice("account", "create", "acme")
        let taken = try await sluice("account", "create", "acme")
        #expect(taken.status == 1)
        #expect(taken.error.contains("one more key"))
        #expect(try await sluice("account", "create", "a b").status == 65)
        #expect(try await sluice("account", "create", "nobody", "--add-key").status == 1)
        #expect(try await sluice("account", "revoke", "nobody").status == 1)
        #expect(try await sluice("account", "revoke", "acme", "--key", "slc_00000000").status == 1)
        #expect(try await sluice("account", "create").status == 64)
        let empty = try TemporaryFolder()
        let url = ["SLUICE_URL": "http://127.0.0.1:\(server.port)"]
        #expect(try await Program.run(["account", "list"], folder: empty, environment: url).status == 77)
    }
}

@Suite struct BackupTests {
    @Test func `A backup under load holds every job accepted before it, and serves`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        var before: [String] = []
        for _ in 0..<20 { before.append(try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])) }
        let load = Task {
            var accepted = 0
            while !Task.isCancelled {
                _ = try await server.accept("/api/v1/fast", #"{"a":1}"#)
                accepted += 1
            }
            return accepted
        }
        let target = try TemporaryFolder()
        let backup = try await Program.run(["backup", target.file("sluice.db")], folder: server.folder)
        #expect(backup.status == 0)
        #expect(backup.output.hasSuffix(" bytes\n"))
        load.cancel()
        #expect(try await load.value > 0)
        let mode = try FileManager.default.attributesOfItem(atPath: target.file("sluice.db"))[.posixPermissions]
        #expect(mode as? Int == 0o600)
        let restored = try await ServerProcess(manifest: TestManifest.text, folder: target)
        for url in before { #expect(try await restored.get(url).status == 202) }
        // Nothing is left where it was made.
        let left = try FileManager.default.contentsOfDirectory(atPath: server.folder.path)
        #expect(!left.contains { $0.hasPrefix(".backup-") })
    }

    @Test func `A backup that cannot be written leaves nothing and says why`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let nowhere = try await Program.run(["backup", "missing/sluice.db"], folder: server.folder)
        #expect(nowhere.status == 1)
        #expect(nowhere.error.contains("missing/sluice.db"))
        let device = try await Program.run(["backup", "/dev/null"], folder: server.folder)
        #expect(device.error.contains("not a regular file"))
        let empty = try TemporaryFolder()
        let stranger = try await Program.run(
            ["backup", "x.db"], folder: empty, environment: ["SLUICE_URL": "http://127.0.0.1:\(server.port)"])
        #expect(stranger.status == 77)
        #expect(try FileManager.default.contentsOfDirectory(atPath: empty.path).isEmpty)
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
        #expect(try await show(behind).contains("waits: 1 job comes before it"))

        let running = try await server.accept("/api/v1/one")
        _ = try await server.get(running + "?wait=5")
        let second = try await server.accept("/api/v1/one")
        #expect(try await show(second).contains("waits: as many attempts with its key run as one.concurrency allows"))
        _ = try await Program.run(["pause", "failing"], folder: server.folder)
        #expect(try await show(failing).contains("\"sluice resume failing\" ends that"))
    }
}
