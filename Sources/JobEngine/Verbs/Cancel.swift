package import JobModel
package import JobStore
internal import Timing

extension JobEngine {
    package enum CancelResult: Equatable, Sendable {
        case cancelled(JobSnapshot)
        /// It runs, and force was not asked for or has not stopped it in time.
        case running
        /// It ended otherwise before.
        case ended(JobState)
        case gone
    }

    /// Cancels a queued or waiting job at once; a running one only with force, by stopping its attempt.
    ///
    /// It is about the run that it finds: when somebody opens the next one meanwhile, that one goes on, and the answer is what
    /// became of the former.
    package func cancel(_ id: JobID, as viewer: Viewer, force: Bool) async throws(StoreError) -> CancelResult {
        // An attempt that cannot be stopped in this time (the store cannot write) is still running.
        let limit = clock.now().monotonic + 10_000
        var found: Int?
        while true {
            let waiter = OneShot<Announcer.Wake>()
            let subscription = announcer.subscribe(to: id) { waiter.set($0) }
            defer { announcer.unsubscribe(subscription) }
            guard case .found(let job) = try await lookUp(id, as: viewer, []) else { return .gone }
            let run = found ?? job.progress.run
            found = run
            guard job.progress.run == run else { return try await end(of: run, id) }
            switch job.state {
            case .queued, .waiting:
                let live = LiveJob(
                    job: job.job, state: job.state, progress: job.progress, due: job.runAt,
                    deadline: job.deadline ?? job.runAt)
                try await recorder.end([live], as: Ending(.cancelled), error: nil)
            case .running:
                guard force else { return .running }
                guard clock.now().monotonic < limit else { return .running }
                _ = dispatcher.stop(id, run: run, .cancel)
                // Its end is announced; when it does not run here any more it has just ended, or will be reclaimed.
                let wake = await waiter.value(untilMonotonic: clock.now().monotonic + 1000, clock: clock)
                // Nothing is announced to new waiters any more.
                if wake == .draining { try? await clock.sleep(untilMonotonic: clock.now().monotonic + 50) }
            case .cancelled, .completed, .failed, .timeout:
                return try await end(of: run, id)
            }
            if Task.isCancelled { return .running }
        }
    }

    private func end(of run: Int, _ id: JobID) async throws(StoreError) -> CancelResult {
        guard let job = try await store.end(of: run, id) else { return .gone }
        return job.state == .cancelled ? .cancelled(job) : .ended(job.state)
    }
}
