import Foundation
import PayloadSchema
import TestClient
import Testing

/// Functions for the tests: fast ones, and one for each way to fail.
enum TestManifest {
    static let text = """
        version: 1
        defaults:
          retry: {attempts: 2, delay: 20ms, jitter: none}
        functions:
          fast:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
          slow:
            handler: {builtin: echo, simulate: {duration: 1m}}
            endpoint: {auth: public}
            timeout: 2m
          steady:
            handler: {builtin: echo, simulate: {duration: 300ms}}
            endpoint: {auth: public}
          sync:
            handler: {builtin: echo, simulate: {duration: 100ms}}
            endpoint: {auth: public, mode: sync}
          private:
            handler: {builtin: echo, simulate: {duration: 0s}}
          broken:
            handler: {builtin: echo, simulate: {duration: 0s, status: 503}}
            endpoint: {auth: public}
          refused:
            handler: {builtin: echo, simulate: {duration: 0s, status: 422}}
            endpoint: {auth: public, statusCodes: {failed: 422}}
          hanging:
            handler: {builtin: echo, simulate: {hang: true}}
            endpoint: {auth: public}
            timeout: 100ms
          impatient:
            handler: {builtin: echo, simulate: {hang: true}}
            endpoint: {auth: public}
            maxWait: 300ms
          report:
            handler: {builtin: generate-report, simulate: {duration: 0s}}
            endpoint: {auth: public, redirect: "{result.reportUrl}", path: "reports/{month}"}
          moved:
            handler: {builtin: echo, simulate: {duration: 0s, status: 400}}
            endpoint:
              auth: public
              redirect: {failed: "/help/{payload.topic}", pending: "/wait"}
          keyed:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            idempotency: {key: payload.orderId, window: 1h}
          size:
            handler: {builtin: resize-image, simulate: {duration: 0s}}
            endpoint: {auth: public, pollAfter: 7s}
          short-lived:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            retention: {completed: 0s}
        """
}

@Suite struct EndpointTests {
    let server: ServerProcess

    init() async throws {
        server = try await ServerProcess(manifest: TestManifest.text)
    }

    @Test func `A POST is answered with 202, a status URL and when to ask again`() async throws {
        let reply = try await server.post("/api/v1/slow", #"{"to":"a@example.com"}"#)
        #expect(reply.status == 202)
        let url = try #require(reply.json["statusUrl"]?.string)
        #expect(reply.json["queueId"] == "slow")
        #expect(reply["location"] == "http://localhost:\(server.port)\(url)")
        #expect(url == "/api/v1/slow/status/\(reply.json["jobId"]?.string ?? "")")
        #expect(reply["retry-after"] == "60")
        #expect(reply["sluice-job-state"] == "pending")
        let status = try await server.get(url)
        #expect(status.status == 202)
        #expect(status.json["queueId"] == "slow")
        #expect(status.json["jobId"] == reply.json["jobId"])
        #expect(status.json["lastError"] == .null)
        #expect(status["cache-control"] == "no-store")
    }

    @Test func `A completed job's status carries its result`() async throws {
        let reply = try await server.end(of: try await server.accept("/api/v1/fast"))
        #expect(reply.status == 200)
        #expect(reply.json["state"] == "completed")
        #expect(reply.json["attempts"] == 1)
        #expect(reply.json["result"] == ["processed": true, "type": "fast"])
    }

    @Test func `A payload is kept as it came and reaches the handler`() async throws {
        let url = try await server.accept("/api/v1/size", #"{"width": 1e2, "height": 12345678901234567890}"#)
        let reply = try await server.end(of: url)
        #expect(reply.text.contains(#""result":{"resized":true,"width":1e2,"height":12345678901234567890}"#))
    }

    @Test func `A redirect template makes the status a 303`() async throws {
        let reply = try await server.end(of: try await server.accept("/api/v1/reports/may"))
        #expect(reply.status == 303)
        #expect(reply["location"]?.hasPrefix("https://example.com/reports/") == true)
        #expect(reply.json["state"] == "completed")
    }

    @Test func `Redirects of failed and pending jobs are percent-encoded`() async throws {
        let delayed = try await server.post("/api/v1/moved", "{}", headers: ["Sluice-Delay: 1h"])
        let pending = try await server.get(try #require(delayed.json["statusUrl"]?.string))
        #expect(pending.status == 303)
        #expect(pending["location"] == "/wait")
        let accepted = try await server.post("/api/v1/moved", #"{"topic":"a b/ü"}"#)
        let failed = try await server.end(of: try #require(accepted.json["statusUrl"]?.string))
        #expect(failed.status == 303)
        #expect(failed["location"] == "/help/a%20b%2F%C3%BC")
        #expect(failed.json["state"] == "failed")
    }

    @Test func `A job whose attempts are used up is a dead letter`() async throws {
        let reply = try await server.end(of: try await server.accept("/api/v1/broken"))
        #expect(reply.status == 500)
        #expect(reply["content-type"] == "application/problem+json")
        #expect(reply.json["state"] == "deadLetter")
        #expect(reply.json["attempts"] == 2)
        #expect(reply.json["lastError"] == "Server error: HTTP 503 - Service Unavailable")
        #expect(reply.json["status"] == 500)
        #expect(reply.json["requestId"]?.string != nil)
    }

    @Test func `A failure for good is not tried again, and its status code can be chosen`() async throws {
        let reply = try await server.end(of: try await server.accept("/api/v1/refused"))
        #expect(reply.status == 422)
        #expect(reply.json["state"] == "failed")
        #expect(reply.json["attempts"] == 1)
    }

    @Test func `An attempt that hangs is stopped at its timeout and tried again`() async throws {
        let reply = try await server.end(of: try await server.accept("/api/v1/hanging"))
        #expect(reply.status == 500)
        #expect(reply.json["state"] == "deadLetter")
        #expect(reply.json["attempts"] == 2)
        #expect(reply.json["lastError"] == "timed out after 100ms")
    }

    @Test func `A job past its maxWait times out, running or queued`() async throws {
        let running = try await server.end(of: try await server.accept("/api/v1/impatient"))
        #expect(running.status == 500)
        #expect(running.json["state"] == "timeout")
        #expect(running.json["attempts"] == 1)
        #expect(running.json["lastError"] == "maxWait exceeded")
    }

    @Test func `An id that never was is 410 unknown`() async throws {
        for id in ["0199a0e0-0000-7000-8000-000000000000", "f47ac10b-58cc-4372-a567-0e02b2c3d479"] {
            let reply = try await server.get("/api/v1/fast/status/\(id)")
            #expect(reply.status == 410)
            #expect(reply["content-type"] == "application/problem+json")
            #expect(reply.json["detail"] == "Job expired or unknown")
            #expect(reply.json["reason"] == "unknown")
        }
    }

    @Test func `A job is not found under another function's path`() async throws {
        let url = try await server.accept("/api/v1/fast")
        let reply = try await server.get(url.replacingOccurrences(of: "/fast/", with: "/slow/"))
        #expect(reply.status == 410)
        #expect(reply.json["reason"] == "unknown")
    }

    @Test func `An id that is not a UUID is a 400`() async throws {
        for id in ["x", "0199a0e0000070008000000000000000", "0199a0e0-0000-7000-8000-00000000000g"] {
            #expect(try await server.get("/api/v1/fast/status/\(id)").status == 400)
        }
    }

    @Test func `DELETE cancels a delayed job, and its status becomes 410`() async throws {
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let cancelled = try await server.request("DELETE", url)
        #expect(cancelled.status == 200)
        #expect(cancelled.json["state"] == "cancelled")
        #expect(cancelled["sluice-job-state"] == "cancelled")
        let status = try await server.get(url)
        #expect(status.status == 410)
        #expect(status.json["reason"] == "cancelled")
        #expect(try await server.request("DELETE", url).status == 200)
    }

    @Test func `DELETE on a running job is a 409 unless force is asked for`() async throws {
        let url = try await server.accept("/api/v1/slow")
        _ = try await server.get(url + "?wait=5")
        #expect(try await server.get(url).json["state"] == "inFlight")
        #expect(try await server.request("DELETE", url).status == 409)
        #expect(try await server.request("DELETE", url + "?force=maybe").status == 400)
        #expect(try await server.request("DELETE", url + "?force=true").status == 200)
        #expect(try await server.get(url).json["reason"] == "cancelled")
    }

    @Test func `DELETE on a job that has ended is a 409`() async throws {
        let url = try await server.accept("/api/v1/fast")
        _ = try await server.end(of: url)
        #expect(try await server.request("DELETE", url).status == 409)
    }

    @Test func `A long poll answers when the state changes`() async throws {
        let url = try await server.accept("/api/v1/steady")
        var states: [String] = []
        while states.last != "completed" {
            states.append(try await server.get(url + "?wait=20").json["state"]?.string ?? "none")
            try #require(states.count < 4)
        }
    }

    @Test func `A long poll ends after its time with the present state`() async throws {
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let reply = try await server.get(url + "?wait=1")
        #expect(reply.status == 202)
        #expect(reply.json["state"] == "pending")
        let retryAfter = try #require(reply["retry-after"].flatMap { Int($0) })
        #expect((3590...3600).contains(retryAfter))
    }

    @Test(arguments: ["-1", "x", "1.5", "", "1&wait=2", "%31x"])
    func `A bad wait is a 400`(_ value: String) async throws {
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        #expect(try await server.get(url + "?wait=\(value)").status == 400)
    }

    @Test func `Prefer wait holds the POST until the final answer`() async throws {
        let reply = try await server.post("/api/v1/steady", "{}", headers: ["Prefer: wait=10"])
        #expect(reply.status == 200)
        #expect(reply.json["state"] == "completed")
        #expect(reply["preference-applied"] == "wait=10")
    }

    @Test func `Prefer wait that runs out is answered with 202`() async throws {
        let reply = try await server.post("/api/v1/slow", "{}", headers: ["Prefer: wait=1"])
        #expect(reply.status == 202)
        #expect(reply["preference-applied"] == "wait=1")
        #expect(reply.json["statusUrl"]?.string != nil)
    }

    @Test func `A bad Prefer is ignored`() async throws {
        let reply = try await server.post("/api/v1/slow", "{}", headers: ["Prefer: wait=soon, =;"])
        #expect(reply.status == 202)
        #expect(reply["preference-applied"] == nil)
    }

    @Test func `Mode sync holds by itself, and respond-async does not`() async throws {
        let held = try await server.post("/api/v1/sync", "{}")
        #expect(held.status == 200)
        #expect(held.json["result"]?["type"] == "sync")
        let asynchronous = try await server.post("/api/v1/sync", "{}", headers: ["Prefer: respond-async"])
        #expect(asynchronous.status == 202)
        #expect(asynchronous["preference-applied"] == "respond-async")
    }

    @Test func `pollAfter is what the 202 says`() async throws {
        #expect(try await server.post("/api/v1/size", "{}")["retry-after"] == "7")
    }

    @Test func `A job past its retention is 410 expired`() async throws {
        let url = try await server.accept("/api/v1/short-lived")
        _ = try await server.end(of: url)
        // The pruner comes round every ten seconds.
        var reply = try await server.get(url)
        for _ in 0..<100 where reply.json["reason"] != "expired" {
            try await Task.sleep(for: .milliseconds(200))
            reply = try await server.get(url)
        }
        #expect(reply.status == 410)
        #expect(reply.json["reason"] == "expired")
    }

    @Test func `A private function takes the admin token only`() async throws {
        #expect(try await server.post("/api/v1/private", "{}").status == 401)
        let bad = try await server.post("/api/v1/private", "{}", headers: ["Authorization: Bearer wrong"])
        #expect(bad.status == 401)
        #expect(bad["www-authenticate"] == "Bearer error=\"invalid_token\"")
        let token = try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let credentials = "Authorization: Bearer \(token)"
        let url = try await server.accept("/api/v1/private", headers: [credentials])
        #expect(try await server.get(url).status == 401)
        #expect(try await server.get(url + "?wait=5", headers: [credentials]).status != 401)
        #expect(try await server.get("/api/v1/private/status/x").status == 401)
    }

    @Test func `A job accepted with credentials looks unknown to whoever has none`() async throws {
        let token = try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let credentials = "Authorization: Bearer \(token)"
        let url = try await server.accept("/api/v1/fast", headers: [credentials])
        func neutral(_ reply: HTTPReply) -> String {
            reply.text.replacingOccurrences(of: #""requestId":"[^"]*""#, with: "", options: .regularExpression)
        }
        let hidden = try await server.get(url)
        let unknown = try await server.get("/api/v1/fast/status/0199a0e0-0000-7000-8000-000000000000")
        #expect(hidden.status == 410)
        #expect(neutral(hidden) == neutral(unknown))
        #expect(try await server.request("DELETE", url).status == 410)
        #expect(try await server.end(of: url).status == 410)
        #expect(try await server.get(url, headers: [credentials]).status != 410)
    }

    @Test func `Events are streamed until the job has ended`() async throws {
        let url = try await server.accept("/api/v1/steady", headers: ["Sluice-Delay: 3s"])
        let reply = try await server.get(url, headers: ["Accept: text/event-stream"])
        #expect(reply["content-type"] == "text/event-stream")
        let events = reply.text.split(separator: "\n").filter { $0.hasPrefix("event: ") }
        #expect(events == ["event: pending", "event: inFlight", "event: completed"])
    }
}

@Suite struct LimitEndpointTests {
    private static let manifest = """
        version: 1
        functions:
          limited:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            rateLimit: [{limit: 2, per: 1h, key: ip}, {limit: 100, per: 1d}]
          full:
            handler: {builtin: echo}
            endpoint: {auth: public}
            paused: true
            maxQueued: 1
          single:
            handler: {builtin: echo, simulate: {duration: 150ms}}
            endpoint: {auth: public}
            concurrency: 1
        """

    @Test func `A rate limit is told with every answer and refuses with 429`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        let first = try await server.post("/api/v1/limited", "{}")
        #expect(first.status == 202)
        #expect(first["x-ratelimit-limit"] == "2")
        #expect(first["x-ratelimit-remaining"] == "1")
        #expect(first["x-ratelimit-reset"] == "3600")
        #expect(first["ratelimit-policy"] == #""limited";q=2;w=3600, "limited-2";q=100;w=86400"#)
        #expect(first["ratelimit"] == #""limited";r=1;t=3600, "limited-2";r=99;t=86400"#)
        _ = try await server.accept("/api/v1/limited")
        // What is refused for another reason does not count, and is looked at first.
        #expect(try await server.post("/api/v1/limited", "{").status == 400)
        let refused = try await server.post("/api/v1/limited", "{}")
        #expect(refused.status == 429)
        #expect(refused["content-type"] == "application/problem+json")
        let wait = try #require(refused["retry-after"].flatMap { Int($0) })
        #expect((3500...3600).contains(wait))
        #expect(refused.json["limit"] == "rateLimit")
        #expect(refused.json["retryAfter"] == .integer(wait))
        server.signal(SIGKILL)
        _ = try await server.waitForExit()
        let again = try await ServerProcess(manifest: Self.manifest, folder: server.folder)
        #expect(try await again.post("/api/v1/limited", "{}").status == 429)
    }

    @Test func `A full queue is a 429 that names its limit`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        let url = try await server.accept("/api/v1/full")
        let refused = try await server.post("/api/v1/full", "{}")
        #expect(refused.status == 429)
        #expect(refused.json["limit"] == "maxQueued")
        #expect(refused["retry-after"] != nil)
        #expect(try await server.request("DELETE", url).status == 200)
        #expect(try await server.post("/api/v1/full", "{}").status == 202)
    }

    @Test func `Jobs over the concurrency limit wait their turn and use no attempt`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        var urls: [String] = []
        for _ in 0..<5 { urls.append(try await server.accept("/api/v1/single")) }
        for url in urls { #expect(try await server.end(of: url).json["attempts"] == 1) }
    }
}

@Suite struct IdempotencyTests {
    let server: ServerProcess

    init() async throws {
        server = try await ServerProcess(manifest: TestManifest.text)
    }

    @Test(arguments: ["abc-1", "\"abc-1\""])
    func `The same key and request are answered with the same job`(_ key: String) async throws {
        let first = try await server.post("/api/v1/fast?a=1", "{}", headers: ["Idempotency-Key: abc-1"])
        let second = try await server.post("/api/v1/fast?a=1", "{}", headers: ["Idempotency-Key: \(key)"])
        #expect(first["idempotency-replayed"] == nil)
        #expect(second.status == 202)
        #expect(second["idempotency-replayed"] == "true")
        #expect(second.json == first.json)
    }

    @Test func `The same key with another body or query is a 422`() async throws {
        _ = try await server.accept("/api/v1/fast", "{}", headers: ["Idempotency-Key: k"])
        let body = try await server.post("/api/v1/fast", "{ }", headers: ["Idempotency-Key: k"])
        #expect(body.status == 422)
        #expect(body["content-type"] == "application/problem+json")
        #expect(try await server.post("/api/v1/fast?x=1", "{}", headers: ["Idempotency-Key: k"]).status == 422)
    }

    @Test func `A key belongs to its function`() async throws {
        let fast = try await server.accept("/api/v1/fast", "{}", headers: ["Idempotency-Key: k"])
        let slow = try await server.accept("/api/v1/slow", "{}", headers: ["Idempotency-Key: k"])
        #expect(fast != slow)
    }

    @Test func `A key from the payload works like the header, which wins`() async throws {
        let first = try await server.post("/api/v1/keyed", #"{"orderId": 7}"#)
        let second = try await server.post("/api/v1/keyed", #"{"orderId": 7}"#)
        #expect(second.json == first.json)
        #expect(second["idempotency-replayed"] == "true")
        let other = try await server.post("/api/v1/keyed", #"{"orderId": 7}"#, headers: ["Idempotency-Key: own"])
        #expect(other.json != first.json)
    }

    @Test(arguments: ["", "\"open", "\"a\"b\"", "\u{e9}", String(repeating: "k", count: 256)])
    func `A bad key is a 400`(_ key: String) async throws {
        #expect(try await server.post("/api/v1/fast", "{}", headers: ["Idempotency-Key: \(key)"]).status == 400)
    }

    @Test func `A hundred callers with one key get one job`() async throws {
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<100 {
                group.addTask { try await server.accept("/api/v1/slow", "{}", headers: ["Idempotency-Key: race"]) }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
    }
}
