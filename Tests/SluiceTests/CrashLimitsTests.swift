import Foundation
import JobModel
import JobStore
import PayloadSchema
import SQLiteJobStore
import TestClient
import Testing

/// Limits and delays hold over kill -9. The long form runs where SLUICE_LONG_TESTS is set; CI sets it.
@Suite(.serialized) struct CrashLimitsTests {
    private static let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG_TESTS"] != nil
    private static let ratePeriod: Int64 = 1000
    private static let throttlePeriod: Int64 = 400
    private static let delay: Int64 = 150
    /// The server goes by its steady clock, this test by the wall clock that jobs show: in milliseconds they part by one or two.
    private static let rounding: Int64 = 2

    private static let manifest = """
        version: 1
        server: {concurrency: 16}
        functions:
          keyed:
            handler: {builtin: echo, simulate: {duration: 30ms, spread: 0.9}}
            endpoint: {auth: public}
            concurrency: [3, {limit: 1, key: payload.tenant}]
            maxQueued: 60
          throttled:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            throttle: {limit: 1, per: \(throttlePeriod)ms, key: payload.tenant}
            maxQueued: 20
          later:
            handler: {builtin: echo, simulate: {duration: 5ms}}
            endpoint: {auth: public}
            delay: \(delay)ms
          rated:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            rateLimit: {limit: 3, per: \(ratePeriod)ms, key: payload.tenant}
        """

    /// A job as the store has it in the end.
    private struct Ended {
        var job: JobSnapshot
        var tenant: String
        var attempts: [Attempt]
    }

    @Test func `Limits by key, throttles and delays are never exceeded, however often the server is killed`()
        async throws
    {
        let cycles = Self.isLong ? 200 : 6
        let load = CrashLoad(["keyed", "throttled", "later", "rated", "keyed", "keyed", "later", "rated"])
        let folder = try TemporaryFolder()
        var generator = SplitMix(state: UInt64(getpid()) &+ 1)
        var lives: [ClosedRange<Int64>] = []
        for _ in 0..<cycles {
            let born = Self.now()
            let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
            async let posting: Void = load.post(to: server.port)
            try await Task.sleep(for: .milliseconds(Int.random(in: 30...350, using: &generator)))
            server.signal(SIGKILL)
            #expect(try await server.waitForExit() == 128 + SIGKILL)
            lives.append(born...Self.now())
            try await posting
        }
        let born = Self.now()
        let server = try await ServerProcess(manifest: Self.manifest, folder: folder)
        let accepted = load.accepted
        for job in accepted { _ = try await server.end(of: "/api/v1/\(job.function)/status/\(job.id)") }
        // What was stored and not acknowledged is not a client's: it ends too.
        let token = try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
        let admin = "Authorization: Bearer \(token.trimmingCharacters(in: .whitespacesAndNewlines))"
        while try await server.request("GET", "/v1/tasks?status=pending,delayed,processing", headers: [admin]).json[
            "total"] != 0
        {}
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        lives.append(born...Self.now())

        let ended = try await Self.read(in: folder)
        #expect(Set(accepted.map(\.id)).isSubset(of: ended.map(\.job.job.id.description)))
        for function in ["keyed", "throttled", "later", "rated"] {
            #expect(ended.contains { $0.job.job.function == function }, "\(function)")
        }
        // Not one attempt cut off would mean that nothing was running at any kill: then this test shows nothing.
        let lost = ended.flatMap(\.attempts).filter { $0.result == .lost }.count
        #expect(lost > 0)
        Self.checkConcurrency(ended.filter { $0.job.job.function == "keyed" })
        Self.checkThrottle(ended.filter { $0.job.job.function == "throttled" }, lives)
        for late in ended where late.job.job.function == "later" {
            let first = try #require(late.attempts.first)
            #expect((first.startedAt - late.job.job.createdAt).milliseconds >= Self.delay - Self.rounding)
        }
        Self.checkRate(ended.filter { $0.job.job.function == "rated" })
        print("crash test of limits: \(cycles) kills, \(accepted.count) jobs accepted, \(lost) attempts cut off")
    }

    /// One attempt of a tenant at a time, three of all: no matter whether they ended or were cut off.
    private static func checkConcurrency(_ jobs: [Ended]) {
        for (tenant, jobs) in Dictionary(grouping: jobs, by: \.tenant) {
            #expect(peak(jobs) == 1, "tenant \(tenant)")
        }
        #expect(peak(jobs) <= 3)
    }

    /// How many attempts ran at once. One that starts in the millisecond in which another ends came after it.
    private static func peak(_ jobs: [Ended]) -> Int {
        let edges = jobs.flatMap(\.attempts).flatMap { attempt in
            [(attempt.startedAt.milliseconds, 1), (attempt.completedAt.milliseconds, -1)]
        }
        var (running, peak) = (0, 0)
        for (_, change) in edges.sorted(by: { $0 < $1 }) {
            running += change
            peak = max(peak, running)
        }
        return peak
    }

    /// A process counts its own starts: one at once, then one a period. A start is seen a little later than it was counted.
    private static func checkThrottle(_ jobs: [Ended], _ lives: [ClosedRange<Int64>]) {
        for (tenant, jobs) in Dictionary(grouping: jobs, by: \.tenant) {
            let starts = jobs.flatMap(\.attempts).map(\.startedAt.milliseconds)
            for life in lives {
                let length = life.upperBound - life.lowerBound
                let count = starts.filter { life.contains($0) }.count
                #expect(count <= 1 + Int(length / throttlePeriod), "tenant \(tenant): \(count) in \(length) ms")
            }
        }
    }

    /// Windows are fixed, and begin with the first call that finds none open.
    private static func checkRate(_ jobs: [Ended]) {
        for (tenant, jobs) in Dictionary(grouping: jobs, by: \.tenant) {
            var (opened, used) = (Int64.min, 0)
            for time in jobs.map(\.job.job.createdAt.milliseconds).sorted() {
                if opened == .min || time >= opened + ratePeriod - rounding { (opened, used) = (time, 0) }
                used += 1
                #expect(used <= 3, "tenant \(tenant)")
            }
        }
    }

    /// Every job in the store: also what was stored, and not acknowledged before the kill.
    private static func read(in folder: TemporaryFolder) async throws -> [Ended] {
        let store = try SQLiteJobStore(path: folder.file("sluice.db"))
        var ended: [Ended] = []
        var cursor: Int64?
        repeat {
            let page = try await store.list(
                JobFilter(), after: cursor, newestFirst: false, limit: 1000, including: .payload, within: .none,
                at: Timestamp(milliseconds: now()))
            for job in page.jobs {
                #expect(job.state.isTerminal)
                ended.append(
                    Ended(
                        job: job, tenant: String(decoding: job.job.payload ?? [], as: UTF8.self),
                        attempts: try await store.attempts(of: job.job.id)))
            }
            cursor = page.next
        } while cursor != nil
        await store.close()
        return ended
    }

    private static func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}
