internal import Dispatching
internal import JobModel
internal import JobStore
internal import Logging

/// Runs one attempt and makes of its outcome what is to be written: decision and webhook bodies are made here, side by side,
/// and not while the store's transaction is open.
struct AttemptRunner: Sendable {
    let handlers: @Sendable (Function, Deployment) -> any Handler
    let deployment: CurrentDeployment
    let recorder: Recorder
    let counters: QueueCounters
    let metrics: EngineMetrics
    let clock: any EngineClock
    let logger: Logger

    func run(_ attempt: RunningAttempt) async -> (Completion, TargetReply) {
        let outcome = await attempt.run(handlers(attempt.function, deployment.value), clock: clock)
        return (completion(of: attempt, outcome), attempt.targetReply(outcome))
    }

    private func completion(of attempt: RunningAttempt, _ outcome: Outcome) -> Completion {
        let now = clock.now()
        note(attempt, outcome, at: now)
        let entry = EndedAttempt(
            live: attempt.recorded, outcome: outcome, function: attempt.function, exchange: attempt.exchange,
            endedAt: now)
        var settlement = recorder.settlement(of: entry)
        guard case .queue(let due, _) = settlement.change else {
            return Completion(attempt: attempt, entry: entry, settlement: settlement)
        }
        let job = attempt.live.job
        let keys = deployment.policy(for: job)?.declared.map { LimitKeys.of(job, $0, settlement.progress) }
        settlement.change = .queue(at: due, lane: keys?.lane)
        return Completion(attempt: attempt, entry: entry, settlement: settlement, keys: keys)
    }

    private func note(_ attempt: RunningAttempt, _ outcome: Outcome, at now: Moment) {
        let milliseconds = now.monotonic - attempt.startedAt.monotonic
        let seconds = Double(milliseconds) / 1000
        counters.attemptEnded(attempt.function.name, after: seconds)
        metrics.update(attempt.function.name) {
            $0.waitSeconds.observe(max(0, (attempt.startedAt.steady - attempt.live.due).inSeconds))
            $0.attemptSeconds.observe(seconds)
            $0.attemptTimes.record(milliseconds)
        }
        attempt.log(outcome, after: milliseconds, to: logger)
    }
}
