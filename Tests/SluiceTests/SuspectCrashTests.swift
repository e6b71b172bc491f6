import Foundation
import Glibc
import PayloadSchema
import TestClient
import Testing

/// A job that kills the server is failed, and nothing that runs beside it. The long form runs where SLUICE_LONG_TESTS is set.
@Suite(.serialized) struct SuspectCrashTests {
    private static let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG_TESTS"] != nil

    private static let manifest = """
        version: 1
        server: {concurrency: 16}
        functions:
          poison:
            handler: {builtin: echo, simulate: {duration: 3s}}
            endpoint: {auth: public}
          innocent:
            handler: {builtin: echo, simulate: {duration: 400ms}}
            endpoint: {auth: public}
        """

    /// Kills the server as soon as one of these jobs runs.
    ///
    /// - Returns: which.
    @discardableResult private func kill(_ server: ServerProcess, when jobs: [String]) async throws -> String {
        let limit = Date().addingTimeInterval(30)
        while Date() < limit {
            for job in jobs where try await server.get(job)["sluice-job-state"] == "inFlight" {
                server.signal(SIGKILL)
                _ = try await server.waitForExit()
                return job
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw ServerProcess.Failure(description: "none of them ran:\n\(server.log)")
    }

    private func error(of job: String, _ server: ServerProcess) async throws -> String {
        let reply = try await server.end(of: job)
        #expect(reply["sluice-job-state"] == "failed", "\(reply.text)")
        let id = job.split(separator: "/").last ?? ""
        let task = try await server.get("/v1/tasks/\(id)", headers: ["Authorization: Bearer \(try server.adminToken)"])
        return task.text
    }

    @Test func `Three crashes fail the job that made them, and no other`() async throws {
        let rounds = Self.isLong ? 20 : 2
        let folder = try TemporaryFolder()
        var innocents: [String] = []
        for _ in 0..<rounds {
            var poison: String?
            for _ in 0..<3 {
                let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
                for _ in 0..<4 { innocents.append(try await server.accept("/api/v1/innocent")) }
                let job = if let poison { poison } else { try await server.accept("/api/v1/poison") }
                poison = job
                try await kill(server, when: [job])
            }
            let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
            let job = try #require(poison)
            #expect(try await error(of: job, server).contains("server stopped 3 times while it ran"))
            // The innocent ones may have lost two attempts by now.
            server.signal(SIGTERM)
            #expect(try await server.waitForExit() == 0)
        }
        let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        for job in innocents {
            let reply = try await server.end(of: job)
            #expect(reply["sluice-job-state"] == "completed", "\(reply.text)")
        }
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
    }

    @Test func `Of two that were cut off together one runs, and others are told what they wait for`() async throws {
        let folder = try TemporaryFolder()
        var server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        let jobs = [try await server.accept("/api/v1/poison"), try await server.accept("/api/v1/poison")]
        for _ in 0..<2 {
            for job in jobs { while try await server.get(job)["sluice-job-state"] != "inFlight" {} }
            try await kill(server, when: jobs)
            server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        }
        let admin = "Authorization: Bearer \(try server.adminToken)"
        func reasons(_ job: String) async throws -> String {
            let id = job.split(separator: "/").last ?? ""
            return try await server.get("/v1/tasks/\(id)/explain", headers: [admin]).text
        }
        let other = try await server.accept("/api/v1/innocent")
        #expect(try await reasons(other).contains(#""held""#))
        let states = [
            try await server.get(jobs[0])["sluice-job-state"], try await server.get(jobs[1])["sluice-job-state"],
        ]
        #expect(states.filter { $0 == "inFlight" }.count == 1)
        let waiting = try #require(zip(jobs, states).first { $0.1 != "inFlight" }?.0)
        #expect(try await reasons(waiting).contains(#""suspect""#))
        #expect(try await server.get("/metrics", headers: [admin]).text.contains("sluice_start_holds_total 1"))
        let guilty = try await kill(server, when: jobs)
        server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        #expect(try await error(of: guilty, server).contains("server stopped 3 times while it ran"))
        #expect(try await server.end(of: waiting)["sluice-job-state"] == "completed")
        #expect(try await server.end(of: other)["sluice-job-state"] == "completed")
    }
}
