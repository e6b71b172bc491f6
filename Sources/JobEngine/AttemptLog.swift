internal import JobModel
internal import JobStore
internal import Logging

extension RunningAttempt {
    /// What it tells about its target; nil where it tells nothing.
    func targetHasAnswered(_ outcome: Outcome) -> Bool? {
        guard function.target != nil else { return nil }
        let hasAnswered = exchange?.statusCode != nil
        switch outcome {
        case .success, .timedOut: return hasAnswered
        // What never left says nothing.
        case .failure: return exchange == nil ? nil : hasAnswered
        // It was stopped: whether an answer would have come nobody knows.
        case .expired, .cancelled, .released, .lost: return hasAnswered ? true : nil
        }
    }

    func log(targetAnswers: Bool, to logger: Logger) {
        let target = function.target ?? ""
        if targetAnswers {
            logger.info("Target answers again", metadata: ["target": "\(target)"])
        } else {
            logger.warning(
                "Target does not answer; one attempt at a time tries it until it does",
                metadata: ["target": "\(target)", "function": "\(function.name)"])
        }
    }

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
