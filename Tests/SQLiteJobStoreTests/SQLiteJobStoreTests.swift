import Foundation
import Glibc
import JobModel
import JobStore
import JobStoreContract
import Synchronization
import Testing

@testable import SQLiteJobStore

/// A database file that goes away with the test.
final class TemporaryDatabase: Sendable {
    let path = NSTemporaryDirectory() + "sluice-store-" + UUID().uuidString + ".db"

    deinit {
        for suffix in ["", "-wal", "-shm", ".lock"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    func open() throws -> SQLiteJobStore { try SQLiteJobStore(path: path) }

    func sql(_ text: String) throws -> String { try Connection(path: path, role: .writer).text(of: text) }
}

@Suite struct SQLiteJobStoreTests {
    let database = TemporaryDatabase()

    @Test(arguments: StoreContract.cases)
    func `The contract of every store`(_ contract: StoreContractCase) async throws {
        let store = try database.open()
        try await contract.run(store)
        await store.close()
        #expect(try database.sql("PRAGMA integrity_check") == "ok")
    }

    @Test func `Commits are synced, the journal is a write-ahead log`() throws {
        #expect(try database.sql("PRAGMA synchronous") == "2")
        #expect(try database.sql("PRAGMA journal_mode") == "wal")
        #expect(try database.sql("PRAGMA wal_autocheckpoint") == "0")
    }

    @Test func `What was accepted is there after reopening, and leases of the former process are void`() async throws {
        var store = try database.open()
        let ids = try await store.accept(Sample.job(), Sample.job(due: 1000))
        let live = try await store.claim()[0]
        await store.close()

        store = try database.open()
        #expect(try await store.snapshot(ids[1])?.state == .queued)
        let abandoned = try await store.abandoned(limit: 5)
        #expect(abandoned.map(\.job.id) == [ids[0]])
        #expect(try await store.held(after: nil, limit: 5).isEmpty)
        let lease = try #require(try await store.claim(at: 2000).first?.lease)
        #expect(lease.epoch == (live.lease?.epoch ?? 0) + 1 && lease.number == 1)
        // The old lease still settles: whoever finds the abandoned job uses it.
        #expect(try await store.settle([Sample.success(live)]) == [.settled])
        let third = try await store.accept(Sample.job())[0]
        #expect(third.row > ids[1].row)
    }

    @Test func `A webhook that was being sent when the process ended is due at once`() async throws {
        var store = try database.open()
        _ = try await store.accept(Sample.job())
        var settlement = Sample.success(try await store.claim()[0])
        settlement.deliveries = [NewDelivery(audience: .caller, url: "http://x/", body: [])]
        _ = try await store.settle([settlement])
        let now = Sample.now + .seconds(1)
        #expect(try await store.claimDeliveries(limit: 5, at: now).deliveries.count == 1)
        #expect(try await store.claimDeliveries(limit: 5, at: now).deliveries.isEmpty)
        await store.close()
        store = try database.open()
        #expect(try await store.claimDeliveries(limit: 5, at: now).deliveries.count == 1)
        await store.close()
    }

    @Test func `After a clean end the file is whole by itself`() async throws {
        let store = try database.open()
        let id = try await store.accept(Sample.job())[0]
        #expect(try await store.snapshot(id) != nil)
        await store.close()
        #expect(!FileManager.default.fileExists(atPath: database.path + "-wal"))
    }

    @Test func `A file of an older version is brought up to date with its jobs`() async throws {
        do {
            let old = try Connection(path: database.path, role: .writer)
            for migration in Schema.migrations[..<3] { try old.execute(migration) }
            try old.execute(
                """
                PRAGMA user_version = 3; PRAGMA application_id = 1399612261;
                INSERT INTO functions VALUES (1, 'f');
                INSERT INTO jobs (row, random, function, owner, revision, created_at, priority)
                    VALUES (1, 7, 1, 'a', 'r', 0, 0), (2, 7, 1, NULL, 'r', 0, 0), (3, 7, 1, 'b', 'r', 0, 0);
                INSERT INTO queue (row, function, priority, due, deadline, state, run, attempt, used, lost, lease)
                    VALUES (1, 1, 0, 5, 9e12, 0, 1, 0, 0, 0, 0), (2, 1, 0, 6, 9e12, 0, 1, 0, 0, 0, 0);
                """)
        }
        let store = try database.open()
        #expect(
            try await store.backlog()
                == [Backlog(function: "f", queued: 1), Backlog(function: "f", owner: "a", queued: 1)])
        #expect(try await store.oldestDue(of: "a") == ["f": Timestamp(milliseconds: 5)])
        #expect(try await store.accept(Sample.job(owner: "b")).count == 1)
        #expect(try await store.backlog().map(\.owner) == [nil, "a", "b"])
        await store.close()
    }

    @Test func `New ids lie above those of jobs that are gone`() async throws {
        var store = try database.open()
        let id = try await store.accept(Sample.job())[0]
        _ = try await store.settle([Sample.success(try await store.claim()[0], keep: 1)])
        _ = try await store.prune(limit: 5, at: Sample.now + .milliseconds(1))
        await store.close()
        store = try database.open()
        let early = try await store.enqueue([Sample.job()], at: Sample.now + .seconds(-100))
        guard case .accepted(let next, _)? = early.first else { throw StoreError.closed }
        #expect(next.row > id.row)
    }

    @Test func `Concurrent calls share commits`() async throws {
        let store = try database.open()
        let before = try database.sql("SELECT count(*) FROM jobs")
        #expect(before == "0")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<500 { group.addTask { _ = try await store.accept(Sample.job()) } }
            try await group.waitForAll()
        }
        #expect(try await store.backlog().first?.queued == 500)
        // A commit per job would have written each page of the three hot ones 500 times over: count the frames.
        let frames =
            (try FileManager.default.attributesOfItem(atPath: database.path + "-wal")[.size] as? NSNumber)?.intValue
            ?? 0
        #expect(frames / 4120 < 500 * 3)
    }

    @Test func `A request that fails spoils nobody else's in its batch`() async throws {
        let store = try database.open()
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<50 {
                group.addTask {
                    do {
                        _ = try await store.writer.perform { session throws(StoreError) in
                            try session.connection.execute("INSERT INTO meta VALUES ('\(number)', 0)")
                            if number == 25 { try session.connection.execute("INSERT INTO nowhere VALUES (1)") }
                        }
                        return true
                    } catch {
                        return false
                    }
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(outcomes == 49)
        #expect(try database.sql("SELECT count(*) FROM meta WHERE name <> 'boot'") == "49")
        #expect(try database.sql("SELECT count(*) FROM meta WHERE name = '25'") == "0")
    }

    @Test func `Ends that share a batch with a request that fails are asked for once, and written`() async throws {
        let store = try database.open()
        let jobs = [NewJob](repeating: Sample.job(), count: 50)
        _ = try await store.enqueue(jobs, at: Sample.now)
        let running = try await store.claim(limit: 50)
        final class Count: Sendable { let value = Mutex(0) }
        let asked = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, live) in running.enumerated() {
                group.addTask {
                    let (results, _) = try await store.settle {
                        asked.value.withLock { $0 += 1 }
                        return SettleBatch(settlements: [Sample.success(live)])
                    }
                    #expect(results == [.settled])
                }
                guard number % 10 == 5 else { continue }
                group.addTask {
                    try? await store.writer.perform { session throws(StoreError) in
                        try session.connection.execute("INSERT INTO nowhere VALUES (1)")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(asked.value.withLock { $0 } == 50)
        #expect(try await store.backlog().allSatisfy { $0.queued == 0 && $0.running == 0 })
    }

    @Test func `A full disk is an error of its own, reads go on, and writes come back`() async throws {
        let store = try database.open()
        let id = try await store.accept(Sample.job())[0]
        _ = try await store.writer.perform { session throws(StoreError) in
            try session.connection.text(of: "PRAGMA max_page_count = 1")
        }
        let big = [UInt8](repeating: 0x20, count: 1 << 20)
        await #expect(throws: StoreError.full) { try await store.accept(Sample.job(payload: big)) }
        #expect(try await store.snapshot(id)?.state == .queued)
        _ = try await store.writer.perform { session throws(StoreError) in
            try session.connection.text(of: "PRAGMA max_page_count = 1000000")
        }
        #expect(try await store.accept(Sample.job(payload: big)).count == 1)
        #expect(try await store.backlog().first?.queued == 2)
    }

    @Test func `A newer schema, another program's file and garbage are refused`() throws {
        _ = try database.open()
        _ = try database.sql("PRAGMA user_version = 99")
        #expect(throws: StoreError.self) { try database.open() }
        let other = TemporaryDatabase()
        _ = try other.sql("CREATE TABLE mine (x)")
        _ = try other.sql("PRAGMA journal_mode = DELETE")
        #expect(throws: StoreError.self) { try other.open() }
        // Nothing in it was changed.
        #expect(!FileManager.default.fileExists(atPath: other.path + "-wal"))
        let garbage = TemporaryDatabase()
        try Data(repeating: 7, count: 10_000).write(to: URL(fileURLWithPath: garbage.path))
        #expect(throws: StoreError.self) { try garbage.open() }
        #expect(throws: StoreError.self) { try SQLiteJobStore(path: "/nowhere/x.db") }
    }

    @Test func `A file is locked by one owner at a time`() throws {
        let path = database.path + ".lock"
        let first = try LockFile(path: path, trust: FileTrust(folder: "/"))
        #expect(throws: DatabaseLockProblem.held(by: getpid())) {
            try LockFile(path: path, trust: FileTrust(folder: "/"))
        }
        withExtendedLifetime(first) {}
    }
}

/// Every hot statement uses the index it was made for: SQLite's planner has picked others.
@Suite struct QueryPlanTests {
    let database = TemporaryDatabase()

    @Test(arguments: [
        ("\(LaneSQL.priority)", "USING INDEX queue_due (function=? AND lane=? AND priority<?)"),
        ("\(LaneSQL.queuedRows)", "USING INDEX queue_due (function=? AND lane=? AND priority=?)"),
        ("\(LaneSQL.walk)", "SEARCH q USING INDEX queue_due (function=? AND lane=? AND priority=?)"),
        ("\(LaneSQL.walk)", "SEARCH j USING INTEGER PRIMARY KEY (rowid=?)"),
        ("\(LaneSQL.walk)", "SEARCH queue USING INDEX queue_due (function=? AND lane=? AND priority<?)"),
        ("\(LaneSQL.nextLane)", "USING INDEX queue_due (function=? AND lane>?)"),
        ("\(ClaimSQL.lease)", "USING INTEGER PRIMARY KEY (rowid=?)"),
        ("\(FetchSQL.snapshot)", "SEARCH o USING PRIMARY KEY (job=? AND run=?)"),
        ("\(UpkeepSQL.abandoned)", "q USING INDEX queue_running"),
        ("\(UpkeepSQL.held)", "SEARCH q USING INDEX queue_running (row>?)"),
        ("\(UpkeepSQL.running)", "SEARCH q USING INTEGER PRIMARY KEY"),
        ("\(UpkeepSQL.overdue)", "SEARCH q USING INDEX queue_deadline (deadline<?)"),
        ("\(UpkeepSQL.ended)", "SEARCH outcomes USING INDEX outcomes_purge (purge_at>? AND purge_at<?)"),
        ("\(SummarySQL.failures)", "SEARCH t USING PRIMARY KEY (owner=?)"),
        ("\(CountSQL.ended)", "SEARCH tallies USING PRIMARY KEY (owner=?)"),
        ("\(CountSQL.aheadOfOwner)", "SEARCH queue USING INDEX queue_owner (owner=? AND function=? AND due<?)"),
        ("\(CountSQL.aheadInLane)", "SEARCH queue USING INDEX queue_due (function=? AND lane=? AND priority>?)"),
        (CountSQL.queued(function: false, owner: false), "USING INDEX queue_due"),
        (CountSQL.queued(function: true, owner: false), "SEARCH queue USING INDEX queue_due (function=?)"),
        (CountSQL.queued(function: true, owner: true), "SEARCH queue USING INDEX queue_owner (owner=? AND function=?)"),
        (CountSQL.running(function: true, owner: true), "USING INDEX queue_running"),
        (CountSQL.waiting(function: true, owner: true), "USING INDEX queue_waiting (function=? AND owner=?)"),
        ("\(ListSQL.oneJob)", "SEARCH j USING INTEGER PRIMARY KEY"),
        ("\(ListSQL.keyed)", "SEARCH idempotency USING PRIMARY KEY (scope=?)"),
        ("\(SummarySQL.queued)", "SCAN queue USING INDEX queue_due"),
        ("\(SummarySQL.queuedOfOwners)", "SEARCH queue USING INDEX queue_owner (owner>?)"),
        ("\(SummarySQL.oldestDue)", "SEARCH queue USING INDEX queue_owner (owner=?)"),
        ("\(DeliverySQL.due)", "SEARCH d USING INDEX deliveries_due (due<?)"),
        ("\(DeliverySQL.nextDue)", "SEARCH deliveries USING INDEX deliveries_due (due>? AND due<?)"),
        ("\(DeliverySQL.held)", "SEARCH deliveries USING INDEX deliveries_due (due=? AND rowid>?)"),
        ("\(DeliverySQL.ofJob)", "SEARCH d USING INDEX sqlite_autoindex_deliveries_1 (job=?)"),
    ])
    func `A hot statement uses its index and sorts nothing`(_ sql: String, _ expected: String) throws {
        let plan = try plan(of: sql)
        #expect(plan.contains(expected), "\(plan)")
        #expect(!plan.contains("TEMP B-TREE"), "\(plan)")
        #expect(!plan.contains("SCAN j") && !plan.contains("SCAN outcomes"), "\(plan)")
    }

    private static let sources: [(ListSource, String)] = [
        (.jobs, "SEARCH j USING INTEGER PRIMARY KEY (rowid"),
        (.jobsOfFunction, "SEARCH j USING INDEX jobs_function (function=? AND rowid"),
        (.jobsOfOwner, "SEARCH j USING INDEX jobs_owner (owner=? AND rowid"),
        (.ended, "SEARCH o USING PRIMARY KEY (job"),
        (.unhappy(.failed), "SEARCH o USING COVERING INDEX outcomes_unhappy (state=? AND job"),
        (
            .unhappyOfFunction(.failed),
            "SEARCH o USING COVERING INDEX outcomes_unhappy_function (function=? AND state=? AND job"
        ),
        (.unhappyOfOwner(.failed), "SEARCH o USING COVERING INDEX outcomes_unhappy_owner (owner=? AND state=? AND job"),
        (.live, "SEARCH q USING INTEGER PRIMARY KEY (rowid"),
        (.running, "SEARCH q USING INDEX queue_running (row"),
        (.runningOfOwner, "SEARCH q USING INDEX queue_running (row"),
        (.queuedOfOwner, "SEARCH q USING INDEX queue_owner (owner=?)"),
        (.waitingOfOwner, "USING INDEX queue_waiting"),
    ]

    @Test(arguments: [true, false])
    func `A list walks along an index, and sorts only what a limit keeps small`(_ newestFirst: Bool) throws {
        for (source, expected) in Self.sources {
            let plan = try plan(of: source.sql(newestFirst: newestFirst))
            #expect(plan.contains(expected), "\(plan)")
            let isSmall = source == .queuedOfOwner || source == .waitingOfOwner
            #expect(plan.contains("TEMP B-TREE") == isSmall, "\(plan)")
        }
    }

    private func plan(of sql: String) throws -> String {
        _ = try database.open()
        let connection = try Connection(path: database.path, role: .writer)
        let statement = try connection.prepare("EXPLAIN QUERY PLAN \(sql)")
        var steps: [String] = []
        while try statement.step() { steps.append(statement.text(3)) }
        return steps.joined(separator: "; ")
    }
}

/// When the writer stops, and what reaches the disk.
@Suite struct WriterTests {
    let database = TemporaryDatabase()

    @Test func `After a failed sync nothing more is committed, in the same batch or later`() async throws {
        final class Seen: Sendable {
            let fatal = Mutex<[StoreError]>([])
            let ran = Mutex<[Int]>([])
        }
        let seen = Seen()
        let store = try SQLiteJobStore(
            path: database.path, onFatal: { error in seen.fatal.withLock { $0.append(error) } })
        let lost = StoreError.syncFailed("made to fail")
        let gate = DispatchSemaphore(value: 0)
        let successes = await withTaskGroup(of: Int?.self) { group in
            // All that comes meanwhile is one batch.
            group.addTask {
                try? await store.writer.perform { _ in
                    gate.wait()
                    // It may run once more, alone.
                    gate.signal()
                }
                return nil
            }
            for number in 0..<50 {
                group.addTask {
                    let result: Void? = try? await store.writer.perform { session throws(StoreError) in
                        seen.ran.withLock { $0.append(number) }
                        if number == 10 { try session.connection.execute("INSERT INTO nowhere VALUES (1)") }
                        if number == 20 { throw lost }
                        try session.connection.execute("INSERT INTO meta VALUES ('\(number)', 0)")
                    }
                    return result == nil ? nil : number
                }
            }
            try? await Task.sleep(for: .milliseconds(100))
            gate.signal()
            return await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
        }
        let (last, errors) = (seen.ran.withLock { $0.last }, seen.fatal.withLock { $0 })
        #expect(last == 20)
        #expect(errors == [lost])
        await #expect(throws: lost) { try await store.probe() }
        let stored = try database.sql("SELECT count(*) FROM meta WHERE name NOT IN ('boot', 'probe')")
        #expect(stored == "\(successes.count)")
        await store.close()
        // Closing would bring the log into the database and delete it, also when the thread that had it is gone.
        for _ in 0..<30 {
            #expect(FileManager.default.fileExists(atPath: database.path + "-wal"))
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test func `A probe writes to the disk each time`() async throws {
        let store = try database.open()
        func length() throws -> Int {
            let size = try FileManager.default.attributesOfItem(atPath: database.path + "-wal")[.size]
            return try #require(size as? Int)
        }
        for _ in 0..<3 {
            let before = try length()
            try await store.probe()
            #expect(try length() >= before + 4096)
        }
        await store.close()
    }

    @Test func `A checkpoint comes every few hundred pages, sooner when readers held one up, later when one failed`() {
        var plan = CheckpointPlan()
        func isDue(_ pages: Int, _ now: Int64 = 0) -> Bool { plan.isDue(pages: pages, at: now) }
        #expect(!isDue(499))
        #expect(isDue(500))
        plan.succeeded()
        // The log has begun anew.
        #expect(!isDue(3))
        #expect(!isDue(499))
        #expect(isDue(504))
        plan.succeeded()
        // It has not, for somebody reads.
        #expect(!isDue(603))
        #expect(isDue(604))
        plan.failed(at: 5)
        #expect(!isDue(9000, 1_000_000_004))
        #expect(isDue(2, 1_000_000_005))
        plan.succeeded()
        #expect(!isDue(100, 1_000_000_006))
    }
}
