import Foundation
import TestClient
import Testing

/// README's commands, executed in order in one shell against the sample manifest.
@Suite struct ReadmeTests {
    private static let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized

    private static func file(_ name: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(name), encoding: .utf8)
    }

    /// The "sh" blocks, without the two scripts themselves.
    private static func commands() throws -> [String] {
        var commands: [String] = []
        var inside = false
        for line in try file("README.md").split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") { inside = line == "```sh" } else if inside { commands.append(String(line)) }
        }
        return commands.filter { !$0.isEmpty && !$0.hasPrefix("scripts/") }
    }

    @Test func `Every command of README works as it says`() async throws {
        let server = try await ServerProcess(manifest: try Self.file("functions.yaml"))
        try FileManager.default.copyItem(
            at: Self.root.appendingPathComponent("handlers"), to: URL(fileURLWithPath: server.folder.file("handlers")))
        let commands = try Self.commands()
        #expect(commands.count >= 25)
        let marked = commands.enumerated().map { "echo '#\($0.offset)'\n\($0.element)\necho" }.joined(separator: "\n")
        let binaries = URL(fileURLWithPath: Program.path(of: "sluice")).deletingLastPathComponent().path
        let script =
            // What README starts in the background ends with the script.
            "trap 'kill -9 $(jobs -p) 2>/dev/null || true' EXIT; PATH='\(binaries)':$PATH\n"
            + marked.replacingOccurrences(of: "localhost:3000", with: "localhost:\(server.port)")
        let output = try await Shell.run(script, in: server.folder)
        var answers: [String: String] = [:]
        for part in output.components(separatedBy: "#").dropFirst() {
            let lines = part.split(separator: "\n", maxSplits: 1).map(String.init)
            guard let index = Int(lines[0]) else { continue }
            answers[commands[index]] = lines.count > 1 ? lines[1].trimmingCharacters(in: .whitespacesAndNewlines) : ""
        }
        func answer(_ text: String) throws -> String {
            let command = try #require(commands.first { $0.contains(text) })
            return try #require(answers[command])
        }
        #expect(try answer("curl -i --json").contains("HTTP/1.1 202"))
        #expect(try answer("HTTP/1.1 200").hasPrefix("HTTP/1.1 200"))
        #expect(try answer("jq .result").contains("\"sent\": true"))
        #expect(try answer("HTTP/1.1 303").hasPrefix("HTTP/1.1 303"))
        #expect(try answer("grep Location").contains("https://example.com/reports/"))
        #expect(try answer("Prefer: wait=10") == "\"completed\"")
        #expect(try answer("images/42/resize").contains("/api/v1/resize-image/status/"))
        #expect(try answer("-X DELETE") == "\"cancelled\"")
        #expect(try answer("jq .reason") == "\"cancelled\"")
        #expect(try answer("/livez") == #"{"status":"alive"}"#)
        #expect(try answer("/readyz") == #"{"status":"ready"}"#)
        #expect(UUID(uuidString: try answer("jq -r .jobId")) != nil)
        #expect(try answer("invoke send-email").contains(#""sent":true"#))
        #expect(try answer("jobs show $JOB").contains("generate-report"))
        #expect(try answer("--function send-email").contains("send-email"))
        #expect(try answer("sluice pause") == "send-email paused")
        #expect(try answer("sluice status").contains("paused"))
        #expect(try answer("sluice resume") == "send-email resumed")
        #expect((Int(try answer("status=completed")) ?? 0) > 2)
        #expect(try answer("orders/7/import") == #"{"order":"7","received":{"items":3},"attempt":2}"#)
        #expect(try answer("--function import-order").contains("HTTP 503 - Service Unavailable"))
        #expect(try answer("jq -c '.[0].body'").contains(#""type":"sync-contact","status":"DONE""#))
        #expect(try answer("jobs show $CONTACT").contains("http://127.0.0.1:4001/…: delivered"))
        #expect(try answer("jobs resend $CONTACT").hasSuffix("_1_onComplete is sent again"))
        #expect(try answer(".webhookSecret").hasPrefix("whsec_"))
        #expect(try answer("until sluice reload").contains("unchanged, revision "))
        #expect(try answer("reload --dry-run").contains("revision "))
        #expect(try answer("check --against").contains("revision "))
        #expect(try answer("sluice init").contains("wrote my-project/functions.yaml"))
        #expect(try answer("check my-project").contains("ok, 1 function, revision "))
        #expect(try answer("sluice backup").hasSuffix(" bytes"))
        #expect(try answer("async/status").hasPrefix(#"{"queuedTasks":0"#))
        #expect(try answer("tasks?limit=1'") == "send-email")
        #expect(try answer("--add-key").contains("API key  slc_"))
        #expect(try answer("account list").contains("acme"))
        #expect(try answer("account revoke") == "acme: 2 revoked")
        #expect(try answer("grep Replayed").hasPrefix("Idempotency-Replayed: true"))
    }

    @Test func `The manifest that README begins with is right`() async throws {
        let readme = try Self.file("README.md")
        let block = try #require(readme.components(separatedBy: "```yaml\n").dropFirst().first)
        let folder = try TemporaryFolder()
        try folder.write(try #require(block.components(separatedBy: "```").first), to: "functions.yaml")
        #expect(try await Program.run(["check", "--strict"], folder: folder).status == 0)
        // So are the sample, and what "sluice init" writes.
        try folder.write(try Self.file("functions.yaml"), to: "functions.yaml")
        #expect(try await Program.run(["check", "--strict"], folder: folder).status == 0)
        _ = try await Program.run(["init", "new"], folder: folder)
        #expect(try await Program.run(["check", "--strict", "new/functions.yaml"], folder: folder).status == 0)
    }

    @Test func `Every setting that README names is known, and every flag`() async throws {
        let readme = try Self.file("README.md")
        let help = try await Program.run(["serve", "--help"], folder: try TemporaryFolder()).output
        var helps = help
        for command in [
            ["invoke"], ["account", "create"], ["account", "revoke"], ["jobs", "resend"], ["reload"], ["check"],
        ] {
            helps += try await Program.run(command + ["--help"], folder: try TemporaryFolder()).output
        }
        for match in readme.matches(of: /`(--[a-z-]+)`/) {
            #expect(helps.contains(match.output.1), "\(match.output.1)")
        }
        for name in [
            "PORT", "SLUICE_HOST", "SLUICE_MANIFEST", "DATABASE_URL", "SLUICE_DATA", "LOG_LEVEL", "LOG_FORMAT",
        ] {
            #expect(readme.contains(name))
            #expect(help.contains(name), "\(name)")
        }
    }
}
