import Foundation
import Glibc
import JobModel
import JobStore
import PayloadSchema
import TestClient
import Testing

@testable import SQLiteJobStore

/// kill -9 at any instant. The long form runs where SLUICE_LONG_TESTS is set; CI sets it.
@Suite(.serialized) struct CrashTests {
    private static let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG_TESTS"] != nil

    private static let manifest = """
        version: 1
        server: {concurrency: 32}
        defaults:
          retry: {attempts: 20, delay: 20ms, backoff: fixed}
        functions:
          quick:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
          brief:
            handler: {builtin: echo, simulate: {duration: 60ms, spread: 0.9}}
            endpoint: {auth: public}
          flaky:
            handler: {builtin: echo, simulate: {duration: 5ms, failureRate: 0.5}}
            endpoint: {auth: public}
        """

    @Test func `Killed again and again under load, it loses nothing it accepted and ends every job once`() async throws
    {
        let cycles = Self.isLong ? 50 : 6
        let load = CrashLoad(["quick", "brief", "flaky", "brief"])
        let folder = try TemporaryFolder()
        var generator = SplitMix(state: UInt64(getpid()))
        var startSeconds: [Double] = []
        for _ in 0..<cycles {
            let start = ContinuousClock.now
            let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
            startSeconds.append((ContinuousClock.now - start).inSeconds)
            let port = server.port
            async let posting: Void = load.post(to: port)
            try await Task.sleep(for: .milliseconds(Int.random(in: 30...350, using: &generator)))
            server.signal(SIGKILL)
            #expect(try await server.waitForExit() == 128 + SIGKILL)
            try await posting
        }
        let accepted = load.accepted
        #expect(accepted.count > cycles * 10)

        let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        for job in accepted {
            let (id, function) = (job.id, job.function)
            let reply = try await server.end(of: "/api/v1/\(function)/status/\(id)")
            #expect(reply.status == 200 || reply.status == 500, "\(function) \(id): \(reply.text)")
        }
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)

        let lost = try await checkAttempts(of: accepted, in: folder, cycles: cycles)
        // Not one attempt cut off would mean that nothing was running at any kill: then this test shows nothing.
        #expect(lost > 0)
        startSeconds.sort()
        #expect(startSeconds[startSeconds.count / 2] < 2)
        print("crash test: \(cycles) kills, \(accepted.count) jobs accepted, \(lost) attempts cut off")
    }

    /// Jobs run twice only when they were running at a kill: every attempt before the last was cut off, or failed by
    /// itself and was tried again.
    private func checkAttempts(
        of accepted: [CrashLoad.Accepted], in folder: TemporaryFolder, cycles: Int
    ) async throws -> Int {
        let store = try SQLiteJobStore(path: folder.file("sluice.db"))
        var lost = 0
        for accepted in accepted {
            let (text, function) = (accepted.id, accepted.function)
            let id = try #require(JobID(text))
            let attempts = try await store.attempts(of: id)
            guard case .found(let job)? = try await store.fetch([id], including: []).first else {
                Issue.record("\(text) is gone")
                continue
            }
            #expect(attempts.map(\.number) == Array(1...max(1, attempts.count)))
            let results = attempts.map(\.result)
            let cutOff = results.filter { $0 == .lost }.count
            lost += cutOff
            #expect(results.dropLast().allSatisfy { $0 == .lost || (function == "flaky" && $0 == .failed) })
            switch job.state {
            case .completed: #expect(results.last == .completed)
            case .failed: #expect(cutOff == 3 || (function == "flaky" && job.failure == .exhausted))
            case .queued, .running, .waiting, .timeout, .cancelled: Issue.record("\(text) is \(job.state)")
            }
        }
        await store.close()
        let connection = try Connection(path: folder.file("sluice.db"), role: .writer)
        #expect(try connection.text(of: "PRAGMA integrity_check") == "ok")
        #expect(try connection.text(of: "SELECT count(*) FROM queue") == "0")
        #expect(
            try connection.text(of: "SELECT count(*) FROM (SELECT job FROM outcomes GROUP BY job HAVING count(*) > 1)")
                == "0")
        return lost
    }

    // MARK: The negative control

    @Test func `The check sees what an acknowledgement before the commit loses, and Sluice's order loses nothing`()
        async throws
    {
        let cycles = Self.isLong ? 10 : 4
        #expect(try await acknowledgedAndMissing("durable", cycles: cycles) == 0)
        #expect(try await acknowledgedAndMissing("early", cycles: cycles) > 0)
    }

    /// Kills the subject while it stores jobs; how many that it acknowledged are not in the file afterwards.
    private func acknowledgedAndMissing(_ mode: String, cycles: Int) async throws -> Int {
        let folder = try TemporaryFolder()
        let path = folder.file("jobs.db")
        var acknowledged = Set<String>()
        for cycle in 0..<cycles {
            let subject = try Program(
                [path, mode, String(cycle * 10_000_000)], folder: folder, binary: "StoreCrashSubject")
            try await offPool {
                guard subject.waitForOutput(lines: 500, seconds: 20) else {
                    throw ServerProcess.Failure(description: "the subject stores nothing: \(subject.standardError)")
                }
            }
            subject.kill(SIGKILL)
            try await offPool { _ = subject.waitForExit(seconds: 10) }
            acknowledged.formUnion(subject.finalOutput().split(separator: "\n").map(String.init))
        }
        let connection = try Connection(path: path, role: .writer)
        let select = try connection.statement("SELECT CAST(payload AS TEXT) FROM jobs")
        var stored = Set<String>()
        while try select.step() { stored.insert(select.text(0)) }
        return acknowledged.subtracting(stored).count
    }
}
