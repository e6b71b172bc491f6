import Foundation
import PayloadSchema
import ServerHost
import TestClient
import Testing

/// A server, or whoever feeds one, that wants to reach the operator's terminal.
@Suite(.timeLimit(.minutes(3))) struct HostileTextTests {
    /// Every kind of character that acts on a terminal: sequences of C0 and of C1, directions, separators, no width.
    private static let text =
        "a\u{1B}[31m\u{7}\u{8}\r\u{0B}\u{7F}\u{85}\u{90}\u{9B}31m\u{9D}0;x\u{9C}\u{202E}\u{2066}\u{200F}\u{61C}\u{2028}\u{2029}"
        + "\u{200B}\u{FEFF}\u{AD}\u{E0041}z"

    /// Whatever a command looks for in an answer is there, and hostile.
    private static let answer: JSONValue = {
        let hostile = JSONValue.string(text)
        let webhook: JSONValue = [
            "source": hostile, "url": hostile, "status": hostile, "nextAttemptAt": hostile, "id": hostile,
            "attempts": [["number": 1, "startedAt": hostile, "error": hostile]],
        ]
        let task: JSONValue = [
            "id": hostile, "type": hostile, "status": hostile, "error": hostile, "createdAt": hostile, "runAt": hostile,
            "payload": [text: hostile], "result": ["body": hostile],
            "attempts": [
                [
                    "number": 1, "startedAt": hostile, "outcome": hostile, "error": hostile,
                    "timings": ["dns": hostile],
                    "response": ["body": hostile],
                ]
            ],
        ]
        return [
            "detail": hostile, "text": .string(text + "\n\tline"), "result": hostile, "revision": hostile,
            "formerRevision": hostile, "loadedAt": hostile, "summary": [hostile],
            "account": ["name": hostile, "id": hostile],
            "apiKey": hostile, "webhookSecret": hostile, "revoked": hostile, "file": hostile,
            "accounts": [
                ["name": hostile, "keys": [["prefix": hostile, "createdAt": hostile, "revokedAt": hostile]]]
            ],
            "lastError": ["summary": hostile], "manifestRevision": hostile, "queuedTasks": hostile, "total": hostile,
            "functions": [
                [
                    "name": "f", "method": "POST", "path": "f", "maxAttempts": hostile, "queued": hostile,
                    "running": hostile,
                    "failed": hostile,
                ],
                ["name": hostile, "method": hostile, "path": hostile],
            ],
            "basePath": "", "tasks": [task], "task": task, "reasons": [["detail": hostile]], "webhooks": [webhook],
            "jobId": hostile, "statusUrl": "/status", "state": hostile, "lastErrorText": hostile,
        ]
    }()

    private static func server(_ status: Int) throws -> RawServer {
        try RawServer { peer in
            let request = try peer.request()
            // Only its end answers the wait of `invoke`.
            let code = request.hasPrefix("POST /f ") && status == 200 ? 202 : status
            let body = answer.bytes
            let head = "HTTP/1.1 \(code) X\r\nSluice-Job-State: completed\r\nContent-Length: \(body.count)\r\n"
            try peer.send(Array((head + "Connection: close\r\n\r\n").utf8) + body)
        }
    }

    private static let commands = [
        "status", "jobs list", "jobs show ID", "jobs cancel ID", "jobs retry ID", "jobs resend ID", "invoke f",
        "invoke f --wait",
        "pause f", "resume f", "reload", "reload --dry-run", "account list", "account create x", "account revoke x",
        "account webhook-secret x", "invoke \(text)", "jobs cancel \(text)", "account revoke \(text)",
    ]

    private static func check(_ shown: String, _ command: String) {
        // The line of progress is written over; the terminal ends lines with CR LF.
        let rest = shown.replacing("\r\u{1B}[K", with: "")
        let bad = rest.unicodeScalars.filter { $0.movesTerminal && $0 != "\n" && $0 != "\r" && $0 != "\t" }
        #expect(bad.isEmpty, "\(command): \(bad.map { String($0.value, radix: 16) })")
        #expect(!rest.unicodeScalars.split(separator: "\n").contains { $0.dropLast().contains("\r") }, "\(command)")
    }

    private static func onTerminal(_ arguments: String, _ folder: TemporaryFolder) async throws -> String {
        let binary = Program.path(of: "sluice")
        try folder.write("export NO_COLOR=1 TERM=xterm\n'\(binary)' \(arguments) || true\n", to: "run.sh")
        return try await Shell.run("script -qec 'sh run.sh' /dev/null", in: folder)
    }

    @Test(arguments: commands, [200, 422, 500]) func `Nothing of it reaches a terminal`(
        _ command: String, _ status: Int
    ) async throws {
        let server = try Self.server(status)
        let folder = try TemporaryFolder()
        let words = command.split(separator: " ").map { "'\($0)'" }.joined(separator: " ")
        for json in ["", " --json"] {
            let shown = try await Self.onTerminal("\(words) --server \(server.url)\(json)", folder)
            Self.check(shown, command + json)
        }
    }

    @Test func `JSON is the same JSON on a terminal, and untouched in a pipe`() async throws {
        let server = try Self.server(200)
        let folder = try TemporaryFolder()
        let piped = try await Program.run(["reload", "--json", "--server", server.url], folder: folder)
        #expect(piped.output == Self.answer.text + "\n")
        let shown = try await Self.onTerminal("reload --json --server \(server.url)", folder)
        #expect(shown.contains("\\u009b31m"))
        #expect(try JSONParser.parse(shown.trimmingCharacters(in: .whitespacesAndNewlines)) == Self.answer)
    }

    @Test func `A manifest from elsewhere does not either, in no form`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "version: 1\nfunctions:\n  \"f\\u009b\\u202e\": {handler: {builtin: \"e\\u009b31m\"}}\n  g\u{202E}: {}\n  # \u{2066}\n",
            to: "functions.yaml")
        for form in ["human", "json", "github"] {
            Self.check(try await Self.onTerminal("check --format \(form)", folder), form)
        }
        Self.check(try await Self.onTerminal("serve --port 0", folder), "serve")
    }

    @Test(arguments: ["text", "json", "dev"]) func `Nor does what a log tells`(_ form: String) async throws {
        let manifest = "version: 1\nfunctions: {f: {handler: {builtin: echo}, endpoint: {auth: public}}}\n"
        let server = try await ServerProcess(
            manifest: manifest, environment: form == "dev" ? [:] : ["LOG_LEVEL": "trace", "LOG_FORMAT": form],
            command: form == "dev" ? "dev" : "serve")
        for path in ["/\u{9B}31m\u{202E}", "/%C2%9B31m%E2%80%AE", "/x?\u{2028}"] { _ = try? await server.get(path) }
        // What a reload says has words of the manifest in it.
        let names = ["\\u009b31m", "\\u202e", "\\u2028", "\\e[31m", "\\x7f", "\\u200b"]
        let keys = names.map { "\"a\($0)\": 1\n" }.joined()
        try server.folder.write(manifest + keys, to: "functions.yaml")
        try await server.waitForLog("not taken")
        _ = try await Program.run(["reload"], folder: server.folder)
        _ = try await server.get("/last")
        try await server.waitForLog("/last")
        #expect(server.log.contains("u009b31m"), "\(server.log)")
        Self.check(server.log, form)
    }

    /// What prints does it through `TerminalText`.
    @Test func `No command prints past the console`() throws {
        let folder = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Sources/sluice").standardized
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) where file != "Console.swift" {
            let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
            #expect(!text.contains(/(?:^|[^\w.])(?:print|debugPrint|dump|fputs|puts)\(/), "\(file)")
        }
    }
}
