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
    /// Takes what the target answered, as far as it came, whichever way the attempt ends.
    package var report: @Sendable (Exchange) -> Void

    package init(
        job: Job, attempt: Int, run: Int, deadline: Timestamp, report: @escaping @Sendable (Exchange) -> Void = { _ in }
    ) {
        self.report = report
        self.job = job
        self.attempt = attempt
        self.run = run
        self.deadline = deadline
    }
}
