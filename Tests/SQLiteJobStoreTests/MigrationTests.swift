import Foundation
import JobModel
import JobStore
import JobStoreContract
import Synchronization
import Testing

@testable import SQLiteJobStore

/// A database of version 6, before lists had indexes by function.
@Suite struct MigrationTests {
    let database = TemporaryDatabase()
    private static let before = 6
    private static let jobs = 3000

    /// Every 10th has failed, every 10th but one waits, every 20th has failed and was tried again.
    private func fill() throws {
        let old = try Connection(path: database.path, role: .writer)
        for migration in Schema.migrations[..<Self.before] { try old.execute(migration) }
        try old.execute(
            """
            PRAGMA user_version = \(Self.before); PRAGMA application_id = 1399612261;
            BEGIN;
            INSERT INTO functions VALUES (1, 'f'), (2, 'g');
            INSERT INTO owners VALUES (1, 'a');
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(Self.jobs))
            INSERT INTO jobs (row, random, function, owner, revision, created_at, priority)
                SELECT i, 7, 1 + i % 2, iif(i % 3 = 0, 'a', NULL), 'r', i, 0 FROM n;
            INSERT INTO queue (row, function, priority, due, deadline, state, run, attempt, used, lost, lease, owner)
                SELECT row, function, 0, row, 9e12, 0, 1, 0, 0, 0, 0, iif(row % 3 = 0, 1, NULL)
                FROM jobs WHERE row % 10 = 1 OR row % 20 = 0;
            INSERT INTO outcomes (job, run, state, completed_at, attempt, used, lost, purge_at, tombstone_until, owner)
                SELECT row, 1, iif(row % 10 = 0, 4, 3), row + 5, 1, 1, 0, iif(row % 20 = 0, NULL, 9e12), 9e12,
                    iif(row % 10 = 0 AND row % 3 = 0, 1, NULL)
                FROM jobs WHERE row % 10 <> 1;
            COMMIT;
            """)
    }

    /// What lists and totals say, and what counting every job says.
    private func check(_ store: SQLiteJobStore) async throws {
        for states in JobFilter.Status.allCases.map({ [$0] }) + [Set(JobFilter.Status.allCases)] {
            for function in [nil, "f", "g"] {
                for owner in [nil, "a"] {
                    let filter = JobFilter(states: states, function: function, owner: owner)
                    var found = 0
                    var cursor: Int64?
                    repeat {
                        let page = try await store.list(
                            filter, after: cursor, newestFirst: true, limit: 1000, including: [], within: .none,
                            at: Sample.now)
                        found += page.jobs.count
                        cursor = page.next
                    } while cursor != nil
                    let expected = (1...Self.jobs).count { row in
                        let status: JobFilter.Status =
                            row % 10 == 1 || row % 20 == 0 ? .pending : row % 10 == 0 ? .failed : .completed
                        let own = row % 2 == 0 ? "f" : "g"
                        return states.contains(status) && function ?? own == own && (owner == nil || row % 3 == 0)
                    }
                    #expect(found == expected, "\(filter)")
                    #expect(
                        try await store.count(filter, within: .none, at: Sample.now)
                            == JobCount(count: expected, isExact: true), "\(filter)")
                }
            }
        }
        // Totals go on from there.
        let before = try await store.failures(of: nil)["g"] ?? 0
        _ = try await store.settle(try await store.claim("g", limit: 2).map { Sample.failure($0) })
        #expect(try await store.failures(of: nil)["g"] == before + 2)
    }

    @Test func `What was stored before is found by the new indexes, and counted`() async throws {
        try fill()
        let store = try database.open()
        try await check(store)
        await store.close()
    }

    @Test func `A migration says how far it is, and a kill in its middle leaves the old version whole`() async throws {
        try fill()
        let reports = Mutex<[MigrationProgress]>([])
        let killed = TemporaryDatabase()
        do {
            let connection = try Connection(path: database.path, role: .writer)
            let seconds = Atomic<Int64>(0)
            let (path, copy) = (database.path, killed.path)
            try Schema.migrate(
                connection, lookingEverySteps: 1000,
                uptime: { seconds.wrappingAdd(1, ordering: .relaxed).newValue * 1_000_000_000 },
                progress: { progress in
                    reports.withLock { $0.append(progress) }
                    guard progress.percent > 50, !FileManager.default.fileExists(atPath: copy) else { return }
                    // What a process that is killed now leaves behind.
                    for suffix in ["", "-wal"] {
                        try? FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
                    }
                })
        }
        let seen = reports.withLock { $0 }
        #expect(seen.count > 10)
        #expect(seen.allSatisfy { $0.version > Self.before && $0.jobs == Self.jobs })
        #expect(seen.map(\.percent) == seen.map(\.percent).sorted())
        #expect(seen.contains { (20...80).contains($0.percent) })
        #expect(try killed.sql("PRAGMA user_version") == "\(Self.before)")
        #expect(try killed.sql("PRAGMA integrity_check") == "ok")
        #expect(try killed.sql("SELECT count(*) FROM sqlite_schema WHERE name = 'tallies'") == "0")
        // It is made again from the start.
        let store = try killed.open()
        try await check(store)
        await store.close()
    }
}
