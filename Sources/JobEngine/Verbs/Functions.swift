package import JobModel
package import JobStore

// What surfaces ask about functions rather than jobs.
extension JobEngine {
    /// The revision of the manifest in force.
    package var revision: String { deployment.value.revision }

    /// What is done with a job; nil when its unit of execution is not known any more.
    package func policy(for job: Job) -> JobPolicy? { deployment.policy(for: job) }

    /// What is done with jobs of a unit of execution, for whoever has no job yet.
    package func policy(of unit: String) -> JobPolicy? { deployment.policy(of: unit) }

    /// Functions that an operator has paused, beside those that the manifest pauses.
    package var paused: Set<String> { dispatcher.paused }

    /// Stops or resumes starting jobs of a function; kept over restarts.
    package func setPaused(_ function: String, _ paused: Bool) async throws(StoreError) {
        try await store.setPaused(function, paused)
        dispatcher.setPaused(function, paused)
    }

    /// Live jobs of a function, all callers together.
    package func counts(of function: String) -> QueueCounters.Gauge { counters[function] }

    package func pollAdvice(for job: JobSnapshot) -> PollAdvice {
        let deployment = deployment.value
        let function = job.job.function
        return PollAdvice(
            function: deployment.policy(for: job.job)?.declared, gauge: counters[function],
            attemptSeconds: counters.attemptSeconds(of: function), running: counters.total(of: .everybody).running,
            concurrency: deployment.concurrency)
    }
}
