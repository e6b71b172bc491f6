internal import JobModel
internal import JobStore
internal import Logging

extension RunningAttempt {
    /// How it ended, in one line for whoever looks closely.
    func log(_ outcome: Outcome, after milliseconds: Int64, to logger: Logger) {
        guard logger.logLevel <= .debug else { return }
        var metadata: Logger.Metadata = [
            "job": "\(live.job.id)", "function": "\(function.name)", "attempt": "\(live.progress.attempt)",
            "of": "\(function.retry.attempts)", "ms": "\(milliseconds)", "outcome": "\(outcome.name)",
        ]
        if case .failure(let failure) = outcome { metadata["error"] = "\(failure.error)" }
        logger.debug("Attempt", metadata: metadata)
    }
}
