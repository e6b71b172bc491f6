import Foundation
import PayloadSchema
import TestClient
import Testing

/// Functions that call an HTTP target, on the built binary.
@Suite(.timeLimit(.minutes(2))) struct HTTPTargetTests {
    private static func manifest(_ target: RawServer) -> String {
        """
        version: 1
        defaults: {retry: {attempts: 3, delay: 20ms, jitter: none}}
        functions:
          call:
            handler:
              http:
                url: \(target.url)/import/{parameters.user}?tenant={payload.tenant}
                headers: {Authorization: "Bearer token", X-Tenant: "{payload.tenant}"}
            endpoint: {auth: public, path: "users/{user}/call"}
            timeout: 1s
          plain:
            handler: {http: {url: \(target.url)/plain}}
            endpoint: {auth: public}
            timeout: 1s
          dead:
            handler: {http: {url: "http://127.0.0.1:1/"}}
            endpoint: {auth: public}
        """
    }

    /// The first of these to the first request, and so on; the last repeats.
    private static func target(_ answers: String...) throws -> RawServer {
        let turn = Turn(answers)
        return try RawServer { peer in
            while true {
                try peer.request()
                try peer.send(turn.next())
            }
        }
    }

    private final class Turn: @unchecked Sendable {
        // Requests come one after the other.
        private let lock = NSLock()
        private var answers: [String]
        init(_ answers: [String]) { self.answers = answers }
        func next() -> String {
            lock.lock()
            defer { lock.unlock() }
            return answers.count > 1 ? answers.removeFirst() : answers[0]
        }
    }

    private static func answer(_ status: String, _ body: String = "", fields: String...) -> String {
        let lines = fields.map { "\($0)\r\n" }.joined()
        return "HTTP/1.1 \(status)\r\n\(lines)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    private func task(_ statusURL: String, _ server: ServerProcess) async throws -> JSONValue {
        let token = try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
        let id = statusURL.split(separator: "/").last ?? ""
        let reply = try await server.get(
            "/v1/tasks/\(id)",
            headers: ["Authorization: Bearer \(token.trimmingCharacters(in: .whitespacesAndNewlines))"])
        return try #require(reply.json["task"])
    }

    @Test func `The payload's bytes go out with the job's headers, the answer comes back whole`() async throws {
        let target = try Self.target(
            Self.answer(
                "201 Created", #"{"processed": true}"#, fields: "Content-Type: application/json", "X-A: 1", "X-A: 2"))
        let server = try await ServerProcess(manifest: Self.manifest(target))
        let body = #"{ "tenant" : "a/b c", "n": 1.50 }"#
        let url = try await server.accept("/api/v1/users/7%2F8/call", body)
        let end = try await server.end(of: url)
        #expect(end.status == 200)
        #expect(end.text.contains(#""result":{"processed": true}"#))

        let request = try #require(target.requests.first)
        let lines = request.components(separatedBy: "\r\n")
        let id = String(url.split(separator: "/").last ?? "")
        #expect(lines.first == "POST /import/7%2F8?tenant=a%2Fb%20c HTTP/1.1")
        for line in [
            "Authorization: Bearer token", "X-Tenant: a/b c", "Content-Type: application/json",
            "User-Agent: Sluice/0.1.0",
            "Idempotency-Key: \(id)", "Sluice-Job-Id: \(id)", "Sluice-Function: call", "Sluice-Attempt: 1",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        #expect(lines.contains { $0.hasPrefix("Sluice-Deadline: 20") })
        #expect(request.hasSuffix("\r\n\r\n" + body))

        let task = try await task(url, server)
        #expect(task["status"] == "completed")
        #expect(task.value(at: ["result", "statusCode"]) == 201)
        #expect(task.value(at: ["result", "body"]) == #"{"processed": true}"#)
        #expect(task.value(at: ["result", "headers", "x-a"]) == "1, 2")
        #expect(task.value(at: ["result", "duration"])?.integer != nil)
        let attempt = try #require(task.value(at: ["attempts", "0"]))
        #expect(attempt["statusCode"] == 201)
        #expect(attempt.value(at: ["response", "body"]) == #"{"processed": true}"#)
        for stage in ["dns", "connect", "tls", "firstByte", "total"] {
            #expect(attempt.value(at: ["timings", stage])?.text.wholeMatch(of: /\d+(\.\d)?/) != nil, "\(stage)")
        }
    }

    @Test func `A busy target is asked again when it says so, and every attempt is kept`() async throws {
        let target = try Self.target(
            Self.answer("503 Busy", "wait", fields: "Retry-After: 1"),
            Self.answer("429 Slow", fields: "Retry-After: 0"),
            Self.answer("200 OK", "done"))
        let server = try await ServerProcess(manifest: Self.manifest(target))
        let url = try await server.accept("/api/v1/plain")
        let end = try await server.end(of: url)
        #expect(end.json["result"] == "done")
        let task = try await task(url, server)
        #expect(task["retryCount"] == 2)
        #expect(task.value(at: ["attempts", "0", "error"]) == "Server error: HTTP 503 - Service Unavailable")
        #expect(task.value(at: ["attempts", "0", "response", "body"]) == "wait")
        #expect(task.value(at: ["attempts", "1", "error"]) == "Client error: HTTP 429 - Too Many Requests")
        func time(_ path: String...) throws -> Date {
            let text = try #require(task.value(at: path)?.string)
            return try Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        }
        let pause = try time("attempts", "1", "startedAt").timeIntervalSince(try time("attempts", "0", "completedAt"))
        #expect(pause >= 1)
        #expect(target.requests.count == 3)
        #expect(target.requests.last?.contains("Sluice-Attempt: 3\r\n") == true)
    }

    @Test func `Client errors complete a job, what nobody answers fails it with its reason`() async throws {
        let target = try Self.target(Self.answer("404 Not Found", "no such order", fields: "Content-Type: text/plain"))
        let server = try await ServerProcess(manifest: Self.manifest(target))
        let missing = try await server.end(of: try await server.accept("/api/v1/plain"))
        #expect(missing.status == 200)
        #expect(missing.json["result"] == "no such order")
        let dead = try await server.accept("/api/v1/dead")
        let end = try await server.end(of: dead)
        #expect(end.json["state"] == "deadLetter")
        #expect(end.json["lastError"] == "connect ECONNREFUSED")
        let task = try await task(dead, server)
        #expect(task.value(at: ["attempts", "2", "error"]) == "connect ECONNREFUSED")
        #expect(task.value(at: ["attempts", "2", "response"]) == .null)
        // A value that the URL needs is missing: trying again cannot help, and nothing leaves.
        let before = target.requests.count
        let short = try await server.end(of: try await server.accept("/api/v1/users/7/call", "{}"))
        #expect(short.json["state"] == "failed")
        #expect(target.requests.count == before)
    }

    @Test func `A target that hangs costs an attempt its timeout and says so`() async throws {
        let target = try RawServer { peer in
            try peer.request()
            peer.waitForClose()
        }
        let server = try await ServerProcess(manifest: Self.manifest(target))
        let url = try await server.accept("/api/v1/plain")
        let end = try await server.end(of: url)
        #expect(end.json["lastError"] == "timed out after 1s")
        let task = try await task(url, server)
        #expect(target.requests.count == 3)
        for number in ["0", "1", "2"] {
            #expect(task.value(at: ["attempts", number, "error"]) == "timed out after 1s")
        }
    }

    @Test func `No value of a job puts a line into a request`() async throws {
        let target = try Self.target(Self.answer("200 OK"))
        let server = try await ServerProcess(manifest: Self.manifest(target))
        for tenant in [#"a\r\nX-Evil: 1"#, #"a\nX-Evil: 1"#, #"a\u0000b"#, #"a\u007f"#] {
            let url = try await server.accept("/api/v1/users/7/call", #"{"tenant":""# + tenant + #""}"#)
            let end = try await server.end(of: url)
            #expect(end.json["state"] == "failed", "\(tenant)")
            #expect(end.json["lastError"] == "the header X-Tenant cannot be sent")
        }
        #expect(target.connections == 0)
    }
}
