import Foundation
import Glibc
import JobModel
import JobStore
import PayloadSchema
import SQLiteJobStore
import TestClient
import Testing

/// Policies on the real binary: what the attempts in its database say.
@Suite struct RetryTests {
    private static let manifest = """
        version: 1
        server: {concurrency: 4}
        functions:
          exact:
            handler: {builtin: echo, simulate: {duration: 0s, status: 500}}
            endpoint: {auth: public}
            retry: {attempts: 4, backoff: exponential, delay: 100ms, factor: 2, jitter: none}
          jittered:
            handler: {builtin: echo, simulate: {duration: 0s, status: 500}}
            endpoint: {auth: public}
            retry: {attempts: 5, backoff: fixed, delay: 200ms, jitter: equal}
          table:
            handler: {builtin: echo, simulate: {duration: 0s, status: 429}}
            endpoint: {auth: public}
            retry: {attempts: 4, delays: [50ms, 150ms]}
          asked:
            handler: {builtin: echo, simulate: {duration: 0s, status: 503, retryAfter: 300ms}}
            endpoint: {auth: public}
            retry: {attempts: 2, delay: 10ms}
          hanging:
            handler: {builtin: echo, simulate: {hang: true}}
            endpoint: {auth: public}
            timeout: 100ms
            retry: {attempts: 3, delay: 10ms, jitter: none}
          sometimes:
            handler: {builtin: echo, simulate: {duration: 0s, failureRate: 0.5}}
            endpoint: {auth: public}
            retry: {attempts: 30, delay: 1ms}
          backing-off:
            handler: {builtin: echo, simulate: {duration: 0s, status: 500}}
            endpoint: {auth: public}
            maxWait: 500ms
            retry: {delay: 1h, jitter: none}
          running:
            handler: {builtin: echo, simulate: {hang: true}}
            endpoint: {auth: public}
            maxWait: 500ms
          queued:
            handler: {builtin: echo}
            endpoint: {auth: public}
            paused: true
            maxWait: 500ms
        """

    /// Runs these jobs to their end and returns their attempts as the database has them.
    private func attempts(_ functions: [String]) async throws -> [(reply: HTTPReply, attempts: [Attempt])] {
        let server = try await ServerProcess(manifest: Self.manifest)
        var replies: [HTTPReply] = []
        for function in functions {
            replies.append(try await server.end(of: try await server.accept("/api/v1/\(function)")))
        }
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        let store = try SQLiteJobStore(path: server.folder.file("sluice.db"))
        var results: [(reply: HTTPReply, attempts: [Attempt])] = []
        for reply in replies {
            let id = try #require(JobID(reply.json["jobId"]?.string ?? ""))
            results.append((reply, try await store.attempts(of: id)))
        }
        await store.close()
        return results
    }

    /// Milliseconds between the end of an attempt and the start of the next.
    private func pauses(_ attempts: [Attempt]) -> [Int64] {
        zip(attempts, attempts.dropFirst()).map { ($1.startedAt - $0.completedAt).milliseconds }
    }

    @Test func `Pauses lie within the policy's bounds, and the last attempt makes a dead letter`() async throws {
        // What the dispatcher may add on a busy machine.
        let slack: Int64 = 1500
        let bounds: [String: [ClosedRange<Int64>]] = [
            "exact": [100...100, 200...200, 400...400],
            "jittered": [100...200, 100...200, 100...200, 100...200],
            "table": [50...50, 150...150, 150...150],
            "asked": [300...300],
            "hanging": [10...10, 20...20],
        ]
        let functions = bounds.keys.sorted()
        for (function, result) in zip(functions, try await attempts(functions)) {
            let expected = bounds[function] ?? []
            #expect(result.reply.json["state"] == "deadLetter", "\(function)")
            #expect(result.reply.json["attempts"] == .integer(expected.count + 1), "\(function)")
            #expect(result.attempts.map(\.number) == Array(1...expected.count + 1))
            for (pause, range) in zip(pauses(result.attempts), expected) {
                #expect(pause >= range.lowerBound, "\(function)")
                #expect(pause <= range.upperBound + slack, "\(function)")
            }
        }
    }

    @Test func `A hanging attempt lasts as long as its timeout`() async throws {
        let result = try await attempts(["hanging"])[0]
        for attempt in result.attempts {
            #expect(attempt.result == .timeout)
            // Both ends are cut to whole milliseconds.
            #expect((attempt.completedAt - attempt.startedAt).milliseconds >= 99)
        }
    }

    @Test func `What fails sometimes completes in the end, and its failures are kept`() async throws {
        for result in try await attempts(Array(repeating: "sometimes", count: 20)) {
            #expect(result.reply.status == 200)
            #expect(result.attempts.last?.result == .completed)
            #expect(result.attempts.dropLast().allSatisfy { $0.result == .failed && $0.statusCode == 500 })
            #expect(result.reply.json["attempts"] == .integer(result.attempts.count))
        }
    }

    @Test func `maxWait ends a job that runs, one that backs off, and one that never started`() async throws {
        let results = try await attempts(["running", "backing-off", "queued"])
        for result in results {
            #expect(result.reply.status == 500)
            #expect(result.reply.json["state"] == "timeout")
            #expect(result.reply.json["lastError"] == "maxWait exceeded")
        }
        #expect(results.map(\.attempts.count) == [1, 1, 0])
        #expect(results[0].attempts[0].result == .expired)
        #expect(results[1].attempts[0].result == .failed)
    }
}
