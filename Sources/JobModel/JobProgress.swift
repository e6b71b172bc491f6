/// How far a job has come: counted over the attempts of its life and of its present run.
package struct JobProgress: Equatable, Sendable {
    /// 1 for the first; a manual retry opens the next.
    package var run = 1
    /// The number of the latest attempt over the job's whole life; 0 before the first.
    package var attempt = 0
    /// Attempts of this run that used up its budget.
    package var used = 0
    /// Attempts of this run that a crash of the server cut off.
    package var lost = 0
    /// The error of the latest failed attempt.
    package var lastError: String?

    package init(run: Int = 1, attempt: Int = 0, used: Int = 0, lost: Int = 0, lastError: String? = nil) {
        self.run = run
        self.attempt = attempt
        self.used = used
        self.lost = lost
        self.lastError = lastError
    }

    /// The next attempt that a crash cuts off fails the job for good: so it runs alone where that can be had (CONTRACT 2).
    package var isSuspect: Bool { lost >= Limits.lostAttempts - 1 }

    /// CONTRACT 1: attempts of the run that used up budget, minus one, never below 0.
    package var retryCount: Int { max(0, used - 1) }
}
