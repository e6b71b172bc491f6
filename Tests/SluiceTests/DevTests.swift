import Foundation
import PayloadSchema
import TestClient
import Testing

/// The developer's loop: init, dev, break it, mend it.
@Suite(.timeLimit(.minutes(2))) struct DevTests {
    private static let manifest = """
        version: 1
        webhooks: {retry: {delay: 200ms}}
        functions:
          fast:
            summary: one
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public, callerWebhook: true}
            retry: {attempts: 2, delay: 10ms}
          broken:
            handler: {builtin: echo, simulate: {duration: 0s, status: 503}}
            endpoint: {auth: public}
            retry: {attempts: 2, delay: 10ms}
        """

    private func sink(_ server: ServerProcess, _ name: String, until count: Int) async throws -> JSONValue {
        let limit = Date().addingTimeInterval(15)
        while true {
            let shown = try await server.get("/dev/sink/\(name)").json
            if shown["count"]?.integer ?? 0 >= count { return shown }
            guard Date() < limit else { throw ServerProcess.Failure(description: "\(shown.text)\n\(server.log)") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    @Test func `init writes a manifest that is right and a .gitignore, and writes over nothing`() async throws {
        let folder = try TemporaryFolder()
        let made = try await Program.run(["init", "app"], folder: folder)
        #expect(made.status == 0 && made.output == "wrote app/functions.yaml\nwrote app/.gitignore\n", "\(made)")
        #expect(made.error.contains("sluice dev"))
        let check = try await Program.run(["check", "app/functions.yaml"], folder: folder)
        #expect(check.status == 0 && check.error.isEmpty, "\(check)")
        let ignored = try String(contentsOfFile: folder.file("app/.gitignore"), encoding: .utf8)
        for name in ["admin-token", "server-key", "*.db", ".env"] { #expect(ignored.contains("\(name)\n"), "\(name)") }

        try folder.write("mine", to: "app/functions.yaml")
        let again = try await Program.run(["init", "app"], folder: folder)
        #expect(again.status == 1 && again.error.contains("is there already"))
        #expect(try String(contentsOfFile: folder.file("app/functions.yaml"), encoding: .utf8) == "mine")
        // With a .gitignore of somebody's own.
        try FileManager.default.removeItem(atPath: folder.file("app/functions.yaml"))
        try folder.write("mine", to: "app/.gitignore")
        let third = try await Program.run(["init", "app"], folder: folder)
        #expect(third.status == 0 && third.error.contains("admin-token"))
        #expect(try String(contentsOfFile: folder.file("app/.gitignore"), encoding: .utf8) == "mine")
    }

    @Test func `What is commented out in the starter is right too`() async throws {
        let folder = try TemporaryFolder()
        _ = try await Program.run(["init"], folder: folder)
        let text = try String(contentsOfFile: folder.file("functions.yaml"), encoding: .utf8)
        let keys = [
            "simulate:", "onComplete:", "import-order:", "  handler:", "    http:", "      url:", "      headers:",
            "  endpoint: {path", "  timeout: 10s",
        ]
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            guard let mark = line.range(of: "# "), keys.contains(where: { line[mark.upperBound...].hasPrefix($0) })
            else {
                return String(line)
            }
            return String(line[..<mark.lowerBound]) + line[mark.upperBound...]
        }
        try folder.write(lines.joined(separator: "\n"), to: "all.yaml")
        let check = try await Program.run(
            ["check", "all.yaml", "--json"], folder: folder, environment: ["ORDERS_TOKEN": "x"])
        let report = try JSONParser.parse(check.output)
        #expect(report["ok"] == true, "\(check.output)")
        #expect(report["functions"] == ["send-email", "import-order"])
    }

    @Test func `Requests and attempts are a line each, reloads are told in full`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest, command: "dev")
        _ = try await server.end(of: try await server.accept("/api/v1/broken"))
        try await server.waitForLog("attempt 2 of 2 failed")
        let log = server.log
        #expect(log.contains(/\d\d:\d\d:\d\d\.\d{3} --> POST \/api\/v1\/broken 202 \d+ms\n/), "\(log)")
        #expect(
            log.contains(
                /<-- broken [0-9a-f-]{36} attempt 1 of 2 failed: Server error: HTTP 503 - Service Unavailable \d+ms\n/),
            "\(log)")
        // Nobody looks: no colour.
        #expect(!log.contains("\u{1B}"))

        try server.folder.write(Self.manifest.replacing("summary: one", with: "summary: two"), to: "functions.yaml")
        try await server.waitForLog("<=> manifest reloaded")
        try await server.waitForLog("    fast: summary one → two")
        try server.folder.write(Self.manifest.replacing("builtin: echo", with: "builtin: ecko"), to: "functions.yaml")
        try await server.waitForLog("<=> manifest not taken, the last good revision stays")
        try await server.waitForLog("did you mean \"echo\"?")
        try await server.waitForLog("^^^^")
    }

    @Test func `The sink shows what arrives and verifies it step by step`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest, command: "dev")
        // A caller's URL may lead to this machine, and to this very server.
        let hook = "Sluice-Webhook: http://127.0.0.1:\(server.port)/dev/sink/mail"
        let url = try await server.accept("/api/v1/fast", headers: [hook])
        let shown = try await sink(server, "mail", until: 1)
        let webhook = try #require(shown.value(at: ["webhooks", "0"]))
        #expect(webhook["verified"] == true, "\(webhook.text)")
        #expect(webhook.value(at: ["body", "status"]) == "DONE")
        #expect(webhook["id"] == .string("msg_\(url.split(separator: "/").last ?? "")_1_caller"))
        guard case .array(let steps)? = webhook["steps"] else { throw ServerProcess.Failure(description: shown.text) }
        #expect(
            steps.map { $0["step"] } == [
                "body", "webhook-id", "webhook-timestamp", "webhook-signature", "X-Sluice-Signature",
            ])
        #expect(steps[3]["detail"] == "signed with the secret of the job")

        // What nobody signed is taken, and told as such.
        _ = try await server.post("/dev/sink/forged", "{}", headers: ["webhook-id: a", "webhook-signature: v1,AAAA"])
        let forged = try await sink(server, "forged", until: 1)
        #expect(forged.value(at: ["webhooks", "0", "verified"]) == false)
        #expect(forged.value(at: ["webhooks", "0", "steps", "3", "detail"]) == "fits no secret that is known here")
        #expect(try await server.request("DELETE", "/dev/sink/forged").status == 204)
        #expect(try await server.get("/dev/sink/forged").json["count"] == 0)
    }

    @Test func `A sender's absurd clock ends nothing`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest, command: "dev")
        let times = [
            "-9223372036854775", "9223372036854775807", "-9223372036854775808", "1e99", "99999999999999999999", "",
        ]
        for time in times {
            let reply = try await server.post(
                "/dev/sink/late", "{}", headers: ["webhook-id: a", "webhook-timestamp: \(time)"])
            #expect(reply.status == 200, "\(time)")
        }
        let shown = try await sink(server, "late", until: times.count)
        for index in times.indices {
            #expect(shown.value(at: ["webhooks", "\(index)", "verified"]) == false)
        }
    }

    @Test func `The sink fails when it is told to`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest, command: "dev")
        let hook = "Sluice-Webhook: http://127.0.0.1:\(server.port)/dev/sink/flaky?status=500&times=2&delay=50ms"
        _ = try await server.accept("/api/v1/fast", headers: [hook])
        let shown = try await sink(server, "flaky", until: 3)
        guard case .array(let rows)? = shown["webhooks"] else { throw ServerProcess.Failure(description: shown.text) }
        #expect(rows.map { $0["answered"] } == [200, 500, 500])
        #expect(rows.map { $0["attempt"] } == ["3", "2", "1"])
        for query in ["status=99", "status=x", "times=-1", "delay=5", "delay=2h", "nope=1"] {
            #expect(try await server.post("/dev/sink/x?\(query)", "{}").status == 400, "\(query)")
        }
    }

    @Test func `schema prints what the server serves`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        let printed = try await Program.run(["schema"], folder: server.folder)
        let served = try await server.get("/schema/functions.schema.json")
        #expect(printed.output == served.text + "\n")
        #expect(served.json["$schema"] == "http://json-schema.org/draft-07/schema#")
    }

    @Test func `check speaks to people, machines and GitHub`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "version: 1\nfunctions:\n  f: {handler: {builtin: ecko}}\n  g: {handler: {builtin: echo}, timeout: 30s, maxWait: 1s}\n",
            to: "functions.yaml")
        let github = try await Program.run(["check", "--format", "github"], folder: folder)
        #expect(github.status == 78)
        #expect(
            github.output.hasPrefix(
                "::error file=functions.yaml,line=3,col=26,endColumn=30::functions.f.handler.builtin: unknown value "
                    + "\"ecko\"%0Adid you mean \"echo\"?"), "\(github.output)")
        #expect(github.output.contains("::warning file=functions.yaml,line=4,col="))
        let json = try await Program.run(["check", "--format", "json"], folder: folder)
        let report = try JSONParser.parse(json.output)
        #expect(report["ok"] == false && report.value(at: ["problems", "1", "severity"]) == "warning")
        #expect(try await Program.run(["check", "--format", "xml"], folder: folder).status == 64)
        let nowhere = try await Program.run(["check", "--against", "http://127.0.0.1:1"], folder: folder)
        #expect(nowhere.status == 69)
        // A warning alone is no reason to refuse.
        try folder.write(
            "version: 1\nfunctions:\n  g: {handler: {builtin: echo}, timeout: 30s, maxWait: 1s}\n", to: "functions.yaml"
        )
        let warned = try await Program.run(["check"], folder: folder)
        #expect(
            warned.status == 0 && warned.error.contains("warning: functions.g.timeout: 30s is longer than maxWait (1s)")
        )
    }
}
