import Glibc
import JobModel
import JobStore
import SQLiteJobStore

/// A process that stores numbered jobs as fast as it can and prints the number of each that it acknowledges, until
/// somebody kills it. `durable` acknowledges as Sluice does, after the commit; `early` before it, which is the mistake
/// that the crash test must be able to see.
@main
enum StoreCrashSubject {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let first = Int(arguments[3]) else { exit(64) }
        let store = try SQLiteJobStore(path: arguments[1])
        let early = arguments[2] == "early"
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<32 {
                group.addTask {
                    for number in stride(from: first + worker, to: first + 10_000_000, by: 32) {
                        if early { acknowledge(number) }
                        let now = Timestamp(milliseconds: Int64(time(nil)) * 1000)
                        let job = Job(
                            id: JobID(row: 0, random: UInt64(number)), function: "f", revision: "", createdAt: now,
                            payload: Array("\(number)".utf8))
                        _ = try await store.enqueue(
                            [NewJob(job: job, due: now, deadline: now + .seconds(3600))], at: now)
                        if !early { acknowledge(number) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// One write, so that no line is cut.
    private static func acknowledge(_ number: Int) {
        let line = Array("\(number)\n".utf8)
        _ = write(STDOUT_FILENO, line, line.count)
    }
}
