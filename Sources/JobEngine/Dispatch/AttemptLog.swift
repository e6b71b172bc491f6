internal import Dispatching
internal import JobModel
internal import JobStore
internal import Logging

extension RunningAttempt {
    /// What its end tells about its target.
    func targetReply(_ outcome: Outcome) -> TargetReply {
        guard function.target != nil else { return .unknown }
        let hasAnswered = exchange?.statusCode != nil
        switch outcome {
        case .success, .timedOut: return hasAnswered ? .answered : .none
        // What never left says nothing.
        case .failure: return exchange == nil ? .unknown : hasAnswered ? .answered : .none
        // It was stopped: whether an answer would have come nobody knows.
        case .expired, .cancelled, .released, .lost: return hasAnswered ? .answered : .unknown
        }
    }

    func log(_ change: TargetChange, to logger: Logger) {
        let target = function.target ?? ""
        switch change {
        case .nothing: break
        case .answersAgain: logger.info("Target answers again", metadata: ["target": "\(target)"])
        case .isSilent:
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
