import Foundation
import Glibc
import PayloadSchema
import Synchronization
import TestClient
import Testing

/// Webhooks of the built binary, received on a raw socket and verified by others' code.
@Suite(.timeLimit(.minutes(3))) struct WebhookTests {
    /// `onComplete` of a function goes wherever the operator wants; callers reach loopback because `egress` opens it.
    private static func manifest(_ receiver: RawServer, egress: String = "[127.0.0.0/8]") -> String {
        """
        version: 1
        webhooks: {retry: {attempts: 3, delay: 300ms}, timeout: 1s}
        egress: {allow: \(egress)}
        functions:
          told:
            handler: {builtin: resize-image, simulate: {duration: 0s}}
            endpoint: {auth: public, callerWebhook: true}
            onComplete: {url: "\(receiver.url)/hook", secret: "\(secret)"}
          plain:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public, callerWebhook: true}
          closed:
            handler: {builtin: echo, simulate: {duration: 0s}}
          strict:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
        """
    }

    private static let unreachable: JSONValue = "the host was not found, or its address is not allowed"
    private static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    /// Answers these statuses in turn; the last repeats.
    static func receiver(_ statuses: Int...) throws -> RawServer {
        let turn = Mutex(statuses)
        return try RawServer { peer in
            while true {
                try peer.request()
                let status = turn.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
                try peer.send("HTTP/1.1 \(status) X\r\nContent-Length: 0\r\n\r\n")
            }
        }
    }

    /// A request as it came in.
    struct Received {
        var line: String
        var fields: [String: String] = [:]
        var body: String

        init(_ request: String) {
            let parts = request.components(separatedBy: "\r\n\r\n")
            var lines = parts[0].components(separatedBy: "\r\n")
            line = lines.removeFirst()
            for line in lines {
                let pair = line.split(separator: ":", maxSplits: 1)
                fields[pair[0].lowercased()] = pair.count > 1 ? pair[1].trimmingCharacters(in: .whitespaces) : ""
            }
            body = parts.dropFirst().joined(separator: "\r\n\r\n")
        }
    }

    private static func received(_ count: Int, by receiver: RawServer) async throws -> [Received] {
        let limit = Date().addingTimeInterval(20)
        while receiver.requests.count < count {
            guard Date() < limit else {
                throw ServerProcess.Failure(description: "\(receiver.requests.count) of \(count) webhooks came")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return receiver.requests.map(Received.init)
    }

    private func admin(_ server: ServerProcess) throws -> String {
        let token = try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
        return "Authorization: Bearer \(token.trimmingCharacters(in: .whitespacesAndNewlines))"
    }

    private func log(_ statusURL: String, _ server: ServerProcess) async throws -> [JSONValue] {
        let id = statusURL.split(separator: "/").last ?? ""
        let reply = try await server.get("/v1/tasks/\(id)/webhooks", headers: [try admin(server)])
        guard case .array(let rows)? = reply.json["webhooks"] else { return [] }
        return rows
    }

    private func ended(_ statusURL: String, _ server: ServerProcess) async throws -> JSONValue {
        let limit = Date().addingTimeInterval(20)
        while Date() < limit {
            if let row = try await log(statusURL, server).first, row["status"] != "pending" { return row }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ServerProcess.Failure(description: "the webhook is still pending")
    }

    @Test func `onComplete is told with the contract's body and headers`() async throws {
        let receiver = try Self.receiver(200)
        let server = try await ServerProcess(manifest: Self.manifest(receiver))
        let url = try await server.accept("/api/v1/told", #"{"width":7}"#)
        let webhook = try #require(try await Self.received(1, by: receiver).first)
        let id = String(url.split(separator: "/").last ?? "")
        #expect(webhook.line == "POST /hook HTTP/1.1")
        #expect(webhook.fields["content-type"] == "application/json")
        #expect(webhook.fields["user-agent"] == "Sluice-Webhook/0.1.0")
        #expect(webhook.fields["x-sluice-attempt"] == "1")
        #expect(webhook.fields["webhook-id"] == "msg_\(id)_1_onComplete")
        let body = try JSONParser.parse(webhook.body)
        #expect(body["jobId"] == .string(id) && body["type"] == "told" && body["status"] == "DONE")
        #expect(body.value(at: ["result", "width"]) == 7)
        #expect(body["timestamp"]?.string?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
        guard case .object(let object) = body else { throw ServerProcess.Failure(description: webhook.body) }
        #expect(object.members.map(\.name) == ["jobId", "type", "status", "result", "timestamp"])
        #expect(try await ended(url, server)["status"] == "delivered")
    }

    @Test func `Others' libraries verify what is received, and refuse it with a byte changed`() async throws {
        let receiver = try Self.receiver(200)
        let server = try await ServerProcess(manifest: Self.manifest(receiver))
        _ = try await server.accept("/api/v1/told", #"{"width":7,"note":"\u00fcml\u00e4ut / \"quoted\""}"#)
        let webhook = try #require(try await Self.received(1, by: receiver).first)
        let verdict = try Verifier.run(webhook, secret: Self.secret)
        #expect(verdict.contains("plain ok") && verdict.contains("standard ok"), "\(verdict)")
        #expect(!verdict.contains("BROKEN"), "\(verdict)")
    }

    @Test func `A receiver that fails is asked again with the same id, and the log tells each attempt`() async throws {
        let receiver = try Self.receiver(500, 302, 200)
        let server = try await ServerProcess(manifest: Self.manifest(receiver))
        let url = try await server.accept("/api/v1/told")
        let row = try await ended(url, server)
        let webhooks = try await Self.received(3, by: receiver)
        #expect(webhooks.map { $0.fields["x-sluice-attempt"] } == ["1", "2", "3"])
        #expect(Set(webhooks.map { $0.fields["webhook-id"] }).count == 1)
        #expect(Set(webhooks.map(\.body)).count == 1)
        #expect(Set(webhooks.map { $0.fields["x-sluice-signature"] }).count == 1)
        #expect(row["status"] == "delivered" && row["source"] == "onComplete")
        // The manifest's URLs have secrets in them.
        #expect(row["url"] == .string("\(receiver.url)/…"))
        #expect((0..<3).map { row.value(at: ["attempts", "\($0)", "statusCode"]) } == [500, 302, 200])
        #expect(row.value(at: ["attempts", "0", "error"]) == "Internal Server Error")
        #expect(row.value(at: ["attempts", "0", "success"]) == false)
        #expect(row.value(at: ["attempts", "2", "error"]) == .null)
        #expect(row.value(at: ["payload", "status"]) == "DONE")
        let shown = try await Program.run(
            ["jobs", "show", String(url.split(separator: "/").last ?? "")], folder: server.folder)
        #expect(shown.output.contains("webhook onComplete \(receiver.url)/…: delivered"), "\(shown.output)")
        #expect(shown.output.contains("attempt 1: "), "\(shown.output)")
        #expect(shown.output.contains("HTTP 500  Internal Server Error"), "\(shown.output)")
    }

    @Test func `What was given up is sent again on demand`() async throws {
        let receiver = try Self.receiver(410, 200)
        let server = try await ServerProcess(manifest: Self.manifest(receiver))
        let url = try await server.accept("/api/v1/told")
        let row = try await ended(url, server)
        #expect(row["status"] == "failed")
        #expect(receiver.requests.count == 1)
        let id = String(url.split(separator: "/").last ?? "")
        let resent = try await Program.run(["jobs", "resend", id], folder: server.folder)
        #expect(resent.output == "msg_\(id)_1_onComplete is sent again\n", "\(resent)")
        let webhooks = try await Self.received(2, by: receiver)
        #expect(webhooks[0].fields["webhook-id"] == webhooks[1].fields["webhook-id"])
        #expect(webhooks[1].fields["x-sluice-attempt"] == "2")
        #expect(try await ended(url, server)["status"] == "delivered")
        let none = try await Program.run(
            ["jobs", "resend", id, "--webhook", "msg_nothing"], folder: server.folder)
        #expect(none.status == 1)
    }

    @Test func `A caller's webhook is signed with a secret that the caller was told`() async throws {
        let receiver = try Self.receiver(200)
        let server = try await ServerProcess(manifest: Self.manifest(receiver))
        let hook = "Sluice-Webhook: \(receiver.url)/mine?a=1"
        // Without an account: the 202 tells it.
        let open = try await server.post("/api/v1/plain", "{}", headers: [hook])
        let own = try #require(open.json["webhookSecret"]?.string)
        #expect(own.hasPrefix("whsec_"))
        let first = try #require(try await Self.received(1, by: receiver).first)
        #expect(first.line == "POST /mine?a=1 HTTP/1.1")
        #expect(try Verifier.run(first, secret: own).contains("standard ok"))
        // With one: told when the account was made.
        let account = try await Program.run(["account", "create", "acme", "--json"], folder: server.folder)
        let made = try JSONParser.parse(account.output)
        let key = try #require(made["apiKey"]?.string)
        let secret = try #require(made["webhookSecret"]?.string)
        let reply = try await server.post(
            "/api/v1/closed", "{}", headers: [hook, "Authorization: Bearer \(key)"])
        #expect(reply.status == 202 && reply.json["webhookSecret"] == nil)
        let second = try await Self.received(2, by: receiver)[1]
        let verdict = try Verifier.run(second, secret: secret)
        #expect(verdict.contains("standard ok") && verdict.contains("plain ok"), "\(verdict)")
        #expect(try Verifier.run(second, secret: own).contains("BROKEN"))
        let again = try await Program.run(["account", "webhook-secret", "acme"], folder: server.folder)
        #expect(again.output == secret + "\n")
        // No answer and no log line shows a secret to anybody else.
        #expect(!server.log.contains(secret) && !server.log.contains(own))
    }

    @Test func `Whoever waits for the end is told the secret beside it`() async throws {
        let receiver = try Self.receiver(200)
        let server = try await ServerProcess(manifest: Self.manifest(receiver))
        let hook = "Sluice-Webhook: \(receiver.url)/mine"
        let done = try await server.post("/api/v1/plain", "{}", headers: [hook, "Prefer: wait=20"])
        #expect(done.status == 200 && done.json["state"] == "completed")
        let secret = try #require(done["sluice-webhook-secret"])
        let webhook = try #require(try await Self.received(1, by: receiver).first)
        #expect(try Verifier.run(webhook, secret: secret).contains("standard ok"))
        // Nobody who only looks is told.
        let status = try await server.get("/api/v1/plain/status/\(done.json["jobId"]?.string ?? "")")
        #expect(status.status == 200 && status["sluice-webhook-secret"] == nil)
        #expect(!server.log.contains(secret))
    }

    @Test func `Whoever replays a call is told its webhook's secret only for the same webhook`() async throws {
        let receiver = try Self.receiver(200)
        let server = try await ServerProcess(manifest: Self.manifest(receiver))
        let key = "Idempotency-Key: order-42"
        let hook = "Sluice-Webhook: \(receiver.url)/mine"
        let first = try await server.post("/api/v1/plain", "{}", headers: [key, hook])
        let secret = try #require(first.json["webhookSecret"]?.string)
        let lost = try await server.post("/api/v1/plain", "{}", headers: [key, hook])
        #expect(lost.json["jobId"] == first.json["jobId"] && lost.json["webhookSecret"]?.string == secret)
        for other in [[key], [key, "Sluice-Webhook: \(receiver.url)/other"]] {
            for wait in [[], ["Prefer: wait=20"]] {
                let replay = try await server.post("/api/v1/plain", "{}", headers: other + wait)
                #expect(replay.json["jobId"] == first.json["jobId"], "\(replay)")
                #expect(!"\(replay)".contains(secret))
            }
        }
    }

    @Test func `One secret of the whole team signs for all, and nobody is told it`() async throws {
        let receiver = try Self.receiver(200)
        let team = "one secret of the whole team, long enough"
        let server = try await ServerProcess(
            manifest: Self.manifest(receiver), environment: ["WEBHOOK_SECRET": team])
        let reply = try await server.post(
            "/api/v1/plain", "{}", headers: ["Sluice-Webhook: \(receiver.url)"])
        #expect(reply.status == 202 && reply.json["webhookSecret"] == nil)
        let webhook = try #require(try await Self.received(1, by: receiver).first)
        let verdict = try Verifier.run(webhook, secret: team)
        #expect(verdict.contains("plain ok") && verdict.contains("standard ok"), "\(verdict)")
        let account = try await Program.run(["account", "create", "acme", "--json"], folder: server.folder)
        #expect(try JSONParser.parse(account.output)["webhookSecret"] == nil)
        let short = try await Program.run(
            ["serve"], folder: server.folder, environment: ["WEBHOOK_SECRET": "short", "PORT": "0"])
        #expect(short.status == 78 && short.error.contains("WEBHOOK_SECRET is shorter than 32 bytes"))
    }

    @Test(arguments: [
        "", "example.com/hook", "ftp://example.com/", "http://", "http:///x", "http://user:pass@example.com/",
        "http://example.com/a b", "http://example.com/\u{E9}", "http://:80/", "javascript:alert(1)",
    ])
    func `What is no URL for webhooks is a 400, and nothing is queued`(_ url: String) async throws {
        let server = try await ServerProcess(manifest: Self.manifest(try Self.receiver(200)))
        let reply = try await server.post("/api/v1/plain", "{}", headers: ["Sluice-Webhook: \(url)"])
        #expect(reply.status == 400 && reply.text.contains("Sluice-Webhook takes"), "\(reply.text)")
        let total = try await server.get("/v1/tasks", headers: [try admin(server)])
        #expect(total.json["total"] == 0)
    }

    @Test func `Whoever has no credentials sends a webhook only where the manifest allows it`() async throws {
        let receiver = try Self.receiver(200)
        let server = try await ServerProcess(manifest: Self.manifest(receiver))
        let hook = "Sluice-Webhook: \(receiver.url)"
        #expect(try await server.post("/api/v1/strict", "{}", headers: [hook]).status == 401)
        #expect(try await server.post("/api/v1/strict", "{}", headers: [hook, try admin(server)]).status == 202)
        #expect(try await server.post("/api/v1/plain", "{}", headers: [hook, hook]).status == 400)
    }

    @Test func `A caller's URL reaches neither this machine nor the server itself, onComplete's goes anywhere`()
        async throws
    {
        let receiver = try Self.receiver(200)
        let server = try await ServerProcess(manifest: Self.manifest(receiver, egress: "[]"))
        for host in ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "127.1"] {
            let hook = "Sluice-Webhook: http://\(host):\(receiver.port)/"
            let reply = try await server.post("/api/v1/plain", "{}", headers: [hook])
            let row = try await ended(try #require(reply.json["statusUrl"]?.string), server)
            #expect(row["status"] == "failed")
            #expect(row.value(at: ["attempts", "0", "error"]) == Self.unreachable, "\(host)")
        }
        #expect(receiver.connections == 0)
        _ = try await server.accept("/api/v1/told")
        _ = try await Self.received(1, by: receiver)
        // What the manifest opens is open, but for our own port.
        let opened = try await ServerProcess(manifest: Self.manifest(receiver))
        let own = try await opened.post(
            "/api/v1/plain", "{}", headers: ["Sluice-Webhook: http://127.0.0.1:\(opened.port)/livez"])
        let row = try await ended(try #require(own.json["statusUrl"]?.string), opened)
        #expect(row.value(at: ["attempts", "0", "error"]) == Self.unreachable)
    }

    @Test func `Hundreds of webhooks of strangers to receivers that hang do not hold up onComplete`() async throws {
        let receiver = try Self.receiver(200)
        let hanging = try (0..<40).map { _ in
            try RawServer { peer in
                try peer.request()
                peer.waitForClose()
            }
        }
        let server = try await ServerProcess(
            manifest: Self.manifest(receiver).replacing("timeout: 1s", with: "timeout: 1m"))
        let pipelined = try RawConnection(port: server.port)
        for number in 0..<800 {
            let hook = "Sluice-Webhook: \(hanging[number % hanging.count].url)/\(number)"
            let head =
                "POST /api/v1/plain HTTP/1.1\r\nHost: localhost:\(server.port)\r\nContent-Type: application/json\r\n"
            try pipelined.send("\(head)\(hook)\r\nContent-Length: 2\r\n\r\n{}")
            #expect(try pipelined.response(seconds: 40).status == 202)
        }
        // As many hang as may.
        let limit = Date().addingTimeInterval(20)
        while hanging.reduce(0, { $0 + $1.requests.count }) < 64, Date() < limit {
            try await Task.sleep(for: .milliseconds(20))
        }
        let start = Date()
        _ = try await server.accept("/api/v1/told")
        _ = try await Self.received(1, by: receiver)
        #expect(Date().timeIntervalSince(start) < 1)
        #expect(hanging.allSatisfy { $0.requests.count <= 2 })
        #expect(hanging.reduce(0) { $0 + $1.requests.count } == 64)
    }

    @Test func `A receiver that asks for time gets it`() async throws {
        let turn = Mutex(["Retry-After: 1\r\n", ""])
        let receiver = try RawServer { peer in
            while true {
                try peer.request()
                let field = turn.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
                try peer.send("HTTP/1.1 \(field.isEmpty ? 200 : 503) X\r\n\(field)Content-Length: 0\r\n\r\n")
            }
        }
        let server = try await ServerProcess(manifest: Self.manifest(receiver))
        let url = try await server.accept("/api/v1/told")
        let row = try await ended(url, server)
        #expect(row["status"] == "delivered")
        func time(_ index: String) throws -> Date {
            let text = try #require(row.value(at: ["attempts", index, "startedAt"])?.string)
            return try Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        }
        // The policy alone says 300 ms.
        #expect(try time("1").timeIntervalSince(try time("0")) >= 1)
    }

    @Test func `SIGTERM loses no webhook`() async throws {
        let receiver = try Self.receiver(503, 200)
        let folder = try TemporaryFolder()
        let slow = Self.manifest(receiver).replacing("delay: 300ms", with: "delay: 2s")
        let server = try await ServerProcess(manifest: slow, folder: folder)
        _ = try await server.accept("/api/v1/told")
        _ = try await Self.received(1, by: receiver)
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        let next = try await ServerProcess(manifest: slow, folder: folder)
        let webhooks = try await Self.received(2, by: receiver)
        #expect(webhooks[0].fields["webhook-id"] == webhooks[1].fields["webhook-id"])
        _ = next
    }
}

/// Code that is not ours looks at a webhook: Python's hmac, and where they are installed the libraries of Standard
/// Webhooks and Svix, and the reference document's verifier under Node.
enum Verifier {
    private static let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized

    static func run(_ webhook: WebhookTests.Received, secret: String) throws -> String {
        let ours = root.appendingPathComponent(".build/python/bin/python3").path
        let python = FileManager.default.isExecutableFile(atPath: ours) ? ours : "/usr/bin/python3"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [root.appendingPathComponent("Tests/SluiceTests/verify_webhook.py").path]
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let message: JSONValue = [
            "secret": .string(secret), "body": .string(webhook.body),
            "headers": .object(webhook.fields.reduce(into: JSONObject()) { $0[$1.key] = .string($1.value) }),
        ]
        try input.fileHandleForWriting.write(contentsOf: Data(message.bytes))
        try input.fileHandleForWriting.close()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return said
    }
}
