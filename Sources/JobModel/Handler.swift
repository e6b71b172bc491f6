/// What runs an attempt. It returns an outcome, never throws, and ends soon after its task is cancelled.
package protocol Handler: Sendable {
    func run(_ call: HandlerCall) async -> Outcome
}

/// What a handler is told about the attempt.
package struct HandlerCall: Sendable {
    package var job: Job
    package var attempt: Int
    package var run: Int
    /// When the attempt is stopped.
    package var deadline: Timestamp

    package init(job: Job, attempt: Int, run: Int, deadline: Timestamp) {
        self.job = job
        self.attempt = attempt
        self.run = run
        self.deadline = deadline
    }
}

/// One loaded manifest as the engine sees it: what can run, under which revision.
package struct Deployment: Sendable {
    package var revision: String
    package var functions: [String: Function]
    /// Running attempts in all.
    package var concurrency: Int
    /// Queued jobs in all; past it calls are refused.
    package var maxQueued: Int

    package init(revision: String, functions: [Function], concurrency: Int, maxQueued: Int = 1_000_000) {
        self.revision = revision
        self.functions = Dictionary(functions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.concurrency = concurrency
        self.maxQueued = maxQueued
    }
}

/// Time and sleep, handed in: tests own theirs.
package protocol EngineClock: Sendable {
    func now() -> Moment
    /// Returns at the monotonic time, or throws CancellationError when the task is cancelled before.
    func sleep(untilMonotonic milliseconds: Int64) async throws
}
