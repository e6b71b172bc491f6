internal import JobStore

/// How far a database is on its way to the newest version.
package struct MigrationProgress: Equatable, Sendable {
    /// The version that is being made, and the last one.
    package var version: Int
    package var newest: Int
    /// How many jobs it holds.
    package var jobs: Int
    /// Of the whole way, about.
    package var percent: Int
}

/// Runs migrations statement by statement and tells how far they are: building an index over millions of jobs takes
/// minutes, and a server that says nothing in that time looks dead.
struct MigrationMeter {
    /// Between two reports, in nanoseconds.
    private static let interval: Int64 = 3_000_000_000
    /// Steps of SQLite's machine for one ended job, as counted when version 7 was written: it is the one that goes through
    /// all jobs.
    private static let stepsPerJob = 110

    private let newest: Int
    private let everySteps: Int32
    private let uptime: @Sendable () -> Int64
    private let jobs: Int
    private var steps = 0
    private var reportedAt: Int64

    /// - Parameters:
    ///   - steps: between two looks at the clock; 100,000 take some milliseconds.
    ///   - uptime: nanoseconds of a monotonic clock.
    init(
        to newest: Int, everySteps steps: Int32 = 100_000, on connection: Connection,
        uptime: @escaping @Sendable () -> Int64
    ) throws(StoreError) {
        self.newest = newest
        self.uptime = uptime
        everySteps = steps
        reportedAt = uptime()
        let isNew = try connection.text(of: "SELECT count(*) FROM sqlite_schema WHERE name = 'jobs'") == "0"
        jobs = isNew ? 0 : Int(try connection.text(of: "SELECT count(*) FROM jobs")) ?? 0
    }

    mutating func run(
        _ migration: String, version: Int, on connection: Connection, _ report: @Sendable (MigrationProgress) -> Void
    ) throws(StoreError) {
        var (steps, reportedAt) = (steps, reportedAt)
        defer { (self.steps, self.reportedAt) = (steps, reportedAt) }
        try connection.watched(everySteps: everySteps) {
            steps += Int(everySteps)
            let now = uptime()
            guard now - reportedAt >= Self.interval else { return true }
            reportedAt = now
            let percent = jobs == 0 ? 0 : min(99, steps / Self.stepsPerJob * 100 / jobs)
            report(MigrationProgress(version: version, newest: newest, jobs: jobs, percent: percent))
            return true
        } _: { () throws(StoreError) in
            try connection.execute(migration)
        }
    }
}
