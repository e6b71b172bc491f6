import Foundation
import PayloadSchema
import TestClient
import Testing

@Suite struct TasksTests {
    let server: ServerProcess
    let credentials: String

    init() async throws {
        server = try await ServerProcess(manifest: TestManifest.text)
        let token = try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
        credentials = "Authorization: Bearer \(token.trimmingCharacters(in: .whitespacesAndNewlines))"
    }

    private func call(_ method: String, _ path: String) async throws -> HTTPReply {
        try await server.request(method, path, headers: [credentials])
    }

    private func id(_ statusURL: String) -> String { statusURL.split(separator: "/").last.map(String.init) ?? "" }

    @Test(arguments: [
        ("GET", "/v1/tasks"), ("GET", "/v1/tasks/0199a0e0-0000-7000-8000-000000000000"),
        ("DELETE", "/v1/tasks/0199a0e0-0000-7000-8000-000000000000"), ("GET", "/v1/async/status"),
        ("POST", "/v1/tasks/0199a0e0-0000-7000-8000-000000000000/retry"), ("GET", "/v1/functions"),
        ("POST", "/v1/functions/fast/pause"), ("POST", "/v1/functions/fast/resume"),
    ])
    func `Nothing here is answered without credentials`(_ method: String, _ path: String) async throws {
        let reply = try await server.request(method, path)
        #expect(reply.status == 401)
        #expect(reply["www-authenticate"] == "Bearer")
    }

    @Test func `A task has the contract's fields`() async throws {
        let url = try await server.accept("/api/v1/fast?a=1", #"{"x":[1.50]}"#)
        _ = try await server.end(of: url)
        let reply = try await call("GET", "/v1/tasks/\(id(url))")
        #expect(reply.status == 200)
        let task = try #require(reply.json["task"])
        #expect(task["id"] == .string(id(url)))
        #expect(task["type"] == "fast")
        #expect(task["targetUrl"] == .null)
        #expect(task["status"] == "completed")
        #expect(task["retryCount"] == 0)
        #expect(task["payload"]?.text == #"{"x":[1.50]}"#)
        #expect(task["parameters"] == ["a": "1"])
        #expect(task["error"] == .null)
        #expect(task["result"]?["statusCode"] == 200)
        #expect(task["result"]?["headers"] == ["content-type": "application/json"])
        #expect(task["result"]?["body"] == #"{"processed":true,"type":"fast"}"#)
        #expect(task["result"]?["duration"]?.integer != nil)
        #expect(task["scheduledFor"] == .null)
        for name in ["createdAt", "startedAt", "completedAt"] {
            #expect(task[name]?.string?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
        }
        #expect(task["manifestRevision"]?.string?.count == 12)
        #expect(task.value(at: ["attempts", "0", "number"]) == 1)
        #expect(task.value(at: ["attempts", "0", "outcome"]) == "completed")
    }

    @Test func `A failed task says why, and can be tried again`() async throws {
        let url = try await server.accept("/api/v1/broken")
        _ = try await server.end(of: url)
        let task = try #require(try await call("GET", "/v1/tasks/\(id(url))").json["task"])
        #expect(task["status"] == "failed")
        #expect(task["retryCount"] == 1)
        #expect(task["error"] == "Server error: HTTP 503 - Service Unavailable")
        #expect(task["result"] == .null)
        #expect(task.value(at: ["attempts", "1", "statusCode"]) == 503)
        let retried = try await call("POST", "/v1/tasks/\(id(url))/retry")
        #expect(retried.status == 202)
        _ = try await server.end(of: url)
        let again = try #require(try await call("GET", "/v1/tasks/\(id(url))").json["task"])
        #expect(again.value(at: ["attempts", "3", "number"]) == 4)
        #expect(again.value(at: ["attempts", "3", "run"]) == 2)
        let done = try await server.accept("/api/v1/fast")
        _ = try await server.end(of: done)
        #expect(try await call("POST", "/v1/tasks/\(id(done))/retry").status == 409)
    }

    @Test func `Lists are filtered, paged and counted`() async throws {
        for _ in 0..<3 { _ = try await server.end(of: try await server.accept("/api/v1/fast")) }
        _ = try await server.end(of: try await server.accept("/api/v1/refused"))
        for _ in 0..<2 { _ = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"]) }
        func list(_ query: String) async throws -> JSONValue { try await call("GET", "/v1/tasks\(query)").json }
        func count(_ query: String) async throws -> Int64? { try await list(query)["total"]?.integer }
        #expect(try await count("") == 6)
        #expect(try await count("?status=completed") == 3)
        #expect(try await count("?status=delayed&type=fast") == 2)
        #expect(try await count("?status=failed") == 1)
        #expect(try await count("?type=slow") == 0)
        #expect(try await count("?since=2999-01-01T00:00:00Z") == 0)
        let failed = try await list("?status=failed&since=2001-01-01T00:00:00Z")
        #expect(failed.value(at: ["tasks", "0", "error"]) == "Client error: HTTP 422 - Unprocessable Content")
        #expect(failed["totalExact"] == true)
        #expect(failed["nextCursor"] == .null)
        var seen: [JSONValue] = []
        var query = "?limit=4&sortOrder=asc"
        for _ in 0..<2 {
            let page = try await list(query)
            guard case .array(let tasks)? = page["tasks"] else { break }
            seen += tasks.compactMap { $0["id"] }
            query = "?limit=4&sortOrder=asc&cursor=\(page["nextCursor"]?.string ?? "")"
        }
        #expect(Set(seen.map(\.text)).count == 6)
        let newest = try await list("?limit=1")
        #expect(newest.value(at: ["tasks", "0", "id"]) == seen.last)
    }

    @Test(arguments: [
        "?status=done", "?limit=0", "?limit=101", "?limit=x", "?cursor=abc", "?sortOrder=up", "?since=yesterday",
        "?stauts=failed", "?limit=1&limit=2",
    ])
    func `A wrong filter is a 400 that says what is right`(_ query: String) async throws {
        let reply = try await call("GET", "/v1/tasks\(query)")
        #expect(reply.status == 400)
        #expect(reply["content-type"] == "application/problem+json")
    }

    @Test func `Tasks are cancelled, by force when they run`() async throws {
        let url = try await server.accept("/api/v1/slow")
        #expect(try await call("GET", "/v1/tasks/\(id(url))?wait=5").status == 200)
        #expect(try await call("DELETE", "/v1/tasks/\(id(url))").status == 409)
        let cancelled = try await call("DELETE", "/v1/tasks/\(id(url))?force=true")
        #expect(cancelled.json.value(at: ["task", "status"]) == "cancelled")
        #expect(cancelled.json.value(at: ["task", "error"]) == "cancelled")
        #expect(try await call("DELETE", "/v1/tasks/0199a0e0-0000-7000-8000-000000000000").status == 404)
        #expect(try await call("GET", "/v1/tasks/x").status == 400)
    }

    @Test func `The queue's status and the functions are counted, pauses hold`() async throws {
        #expect(
            try await call("GET", "/v1/async/status").json
                == ["queuedTasks": 0, "processingTasks": 0, "concurrency": ["used": 0, "max": 256]])
        let paused = try await call("POST", "/v1/functions/fast/pause")
        #expect(paused.json == ["name": "fast", "paused": true])
        let waiting = try await server.accept("/api/v1/fast")
        let running = try await server.accept("/api/v1/slow")
        _ = try await server.get(running + "?wait=5")
        #expect(
            try await call("GET", "/v1/async/status").json
                == ["queuedTasks": 1, "processingTasks": 1, "concurrency": ["used": 1, "max": 256]])
        guard case .array(let functions)? = try await call("GET", "/v1/functions").json["functions"] else {
            Issue.record("no functions")
            return
        }
        let fast = try #require(functions.first { $0["name"] == "fast" })
        #expect(fast["paused"] == true)
        #expect(fast["queued"] == 1)
        #expect(try await server.get(waiting + "?wait=1").json["state"] == "pending")
        #expect(try await call("POST", "/v1/functions/fast/resume").status == 200)
        #expect(try await server.end(of: waiting).status == 200)
        #expect(try await call("POST", "/v1/functions/nosuch/pause").status == 404)
    }
}
