import JobModel
import JobStore
import JobStoreContract
import Testing

@testable import Dispatching
@testable import JobEngine

@Suite(.timeLimit(.minutes(1))) struct RunningAttemptTests {
    @Test(arguments: [RunningAttempt.Stop.cancel, .release])
    func `A stop that comes before the handler starts prevents it`(_ stop: RunningAttempt.Stop) async {
        let clock = ManualClock()
        let handler = ScriptedHandler([EngineFixture.value])
        let now = clock.now()
        let live = LiveJob(
            job: Sample.job().job, progress: JobProgress(attempt: 1), due: now.steady,
            deadline: now.steady + .seconds(60))
        let attempt = RunningAttempt(
            number: AttemptID(index: 0, ticket: 0), live: live, function: EngineFixture.function(), revision: "r",
            lease: Lease(epoch: 1, number: 1), startedAt: now)
        #expect(attempt.stop(stop))
        let outcome = await attempt.run(handler, clock: clock)
        switch (stop, outcome) {
        case (.cancel, .cancelled), (.release, .released): break
        default: Issue.record("it ended as \(outcome)")
        }
        #expect(handler.calls.isEmpty)
    }
}
