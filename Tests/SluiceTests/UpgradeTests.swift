import CSQLite
import Foundation
import TestClient
import Testing

/// A database that an older version has written, with queued, delayed, retrying and running jobs, under the present one.
@Suite(.timeLimit(.minutes(2))) struct UpgradeTests {
    private static let manifest = """
        version: 1
        defaults: {maxWait: 365d}
        functions:
          free:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
          tenants:
            handler: {builtin: echo, simulate: {duration: 300ms}}
            endpoint: {auth: public}
            concurrency: [5, {limit: 1, key: payload.tenant}]
            throttle: {limit: 1000, per: 1s, key: payload.tenant}
          retrying:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            retry: {attempts: 5, delay: 1h, jitter: none, maxDelay: 2h}
          running:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
        """

    /// - Parameter change: what is done to the rows before the server opens them.
    private func folder(_ change: String = "") throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let file = URL(fileURLWithPath: #filePath).appendingPathComponent("../Databases/f5c6a7d.sql").standardized
        let sql = try String(contentsOf: file, encoding: .utf8)
        var database: OpaquePointer?
        try #require(sqlite3_open(folder.file("sluice.db"), &database) == SQLITE_OK)
        defer { sqlite3_close(database) }
        let result = sqlite3_exec(database, sql + change, nil, nil, nil)
        try #require(result == SQLITE_OK, "\(String(cString: sqlite3_errmsg(database)))")
        return folder
    }

    private func samples(_ server: ServerProcess, _ name: String) async throws -> [Substring] {
        let text = try await server.get("/metrics").text
        return text.split(separator: "\n").filter { $0.hasPrefix(name) }
    }

    private func sum(_ server: ServerProcess, _ name: String, _ label: String = "") async throws -> Double {
        try await samples(server, name).filter { label.isEmpty || $0.contains(label) }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }

    @Test func `Every job of an older version runs once, within its limits, in the lane of its present keys`()
        async throws
    {
        let due = "UPDATE queue SET due = 1 WHERE state = 0;"
        let server = try await ServerProcess(manifest: Self.manifest, folder: try folder(due))
        var most = 0.0
        while try await sum(server, "sluice_jobs_completed_total") < 25 {
            most = max(most, try await sum(server, "sluice_running_attempts", "tenants"))
        }
        // Three tenants, one at a time: 1 and 1.0 are one key.
        #expect(most <= 3)
        for (function, count) in [("free", 10.0), ("tenants", 10), ("retrying", 3), ("running", 2)] {
            #expect(try await sum(server, "sluice_jobs_completed_total", "\"\(function)\"") == count, "\(function)")
        }
        #expect(try await sum(server, "sluice_claims_given_back_total") == 0)
        // What was cut off is kept as lost, and uses none of the budget.
        #expect(try await sum(server, "sluice_attempts_lost_total") == 2)
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
    }

    @Test func `What was delayed or pauses between attempts goes on waiting`() async throws {
        let later = "UPDATE queue SET due = 9000000000 * 1000 WHERE due > 1795684124429 + 600000 AND state = 0;"
        let server = try await ServerProcess(manifest: Self.manifest, folder: try folder(later))
        while try await sum(server, "sluice_jobs_completed_total") < 20 {}
        #expect(try await sum(server, "sluice_queued_jobs", "\"free\"") == 2)
        #expect(try await sum(server, "sluice_queued_jobs", "\"retrying\"") == 3)
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
    }
}
