import Dispatching
import JobModel
import JobStore
import JobStoreContract
import Testing
import Timing

@testable import JobEngine

@Suite(.timeLimit(.minutes(1))) struct EngineTests {
    private func fixture(
        outcomes: [Outcome] = [], concurrency: Int = 10, _ change: (inout Function) -> Void = { _ in }
    ) throws -> EngineFixture {
        try EngineFixture([EngineFixture.function("f", change)], outcomes: outcomes, concurrency: concurrency)
    }

    @Test func `A job accepted while a slot is free starts at once`() async throws {
        let fixture = try fixture(outcomes: [EngineFixture.value])
        try await fixture.running {
            let id = try await fixture.submit("f", #"{"a": 1}"#)
            let job = try await fixture.job(id, until: .completed)
            #expect(job.value == Array("1".utf8))
            #expect(job.progress == JobProgress(run: 1, attempt: 1, used: 1))
            // No time has passed: nothing waited for a poll.
            #expect(job.completedAt == job.job.createdAt)
            #expect(fixture.handler.calls.first?.job.payload == Array(#"{"a": 1}"#.utf8))
        }
    }

    @Test func `A delayed job starts when it is due, not before`() async throws {
        let fixture = try fixture(outcomes: [EngineFixture.value])
        try await fixture.running {
            let id = try await fixture.submit(start: .after(.seconds(5)))
            // The dispatcher naps a second at most: let it look several times.
            for _ in 0..<4 { await advance(fixture, 1000) }
            await advance(fixture, 999)
            #expect(try await fixture.job(id).state == .queued)
            await advance(fixture, 1)
            try await fixture.job(id, until: .completed)
        }
    }

    /// Moves the clock and lets those who wake do what they do.
    private func advance(_ fixture: EngineFixture, _ milliseconds: Int64) async {
        fixture.clock.advance(milliseconds)
        for _ in 0..<200 { await Task.yield() }
    }

    @Test func `Failures are tried again after the policy's delays, then the job is a dead letter`() async throws {
        let fixture = try fixture { $0.retry.attempts = 3 }
        try await fixture.running {
            let id = try await fixture.submit()
            for (number, delay) in [(1, 2000), (2, 4000)] {
                _ = try await fixture.calls(number)
                fixture.handler.end(EngineFixture.failure)
                let waiting = try await fixture.job(id) { $0.state == .queued && $0.progress.attempt == number }
                #expect(waiting.runAt == fixture.clock.now().wall + .milliseconds(delay))
                fixture.clock.advance(Int64(delay) - 1)
                #expect(fixture.handler.calls.count == number)
                fixture.clock.advance(1)
                _ = try await fixture.calls(number + 1)
            }
            fixture.handler.end(EngineFixture.failure)
            let job = try await fixture.job(id, until: .failed)
            #expect(job.failure == .exhausted)
            #expect(job.progress == JobProgress(run: 1, attempt: 3, used: 3, lastError: "no"))
            let attempts = try await fixture.attempts(of: id)
            #expect(attempts.map(\.number) == [1, 2, 3])
            #expect(attempts.allSatisfy { $0.result == .failed && $0.statusCode == 500 })
            for (earlier, (later, delay)) in zip(attempts, zip(attempts.dropFirst(), [2000, 4000])) {
                #expect((later.startedAt - earlier.completedAt).milliseconds == Int64(delay))
            }
        }
    }

    @Test func `An attempt past its timeout is stopped and counted`() async throws {
        let fixture = try fixture {
            $0.timeout = .seconds(10)
            $0.retry.attempts = 1
        }
        try await fixture.running {
            let id = try await fixture.submit()
            _ = try await fixture.calls(1)
            await advance(fixture, 9999)
            #expect(try await fixture.job(id).state == .running)
            await advance(fixture, 1)
            let job = try await fixture.job(id, until: .failed)
            #expect(job.progress.lastError == "timed out after 10s")
        }
    }

    @Test func `maxWait ends a running job`() async throws {
        let fixture = try fixture { $0.maxWait = .seconds(3) }
        try await fixture.running {
            let id = try await fixture.submit()
            _ = try await fixture.calls(1)
            await advance(fixture, 3000)
            let job = try await fixture.job(id, until: .timeout)
            #expect(job.progress.lastError == "maxWait exceeded")
            #expect(try await fixture.attempts(of: id).map(\.result) == [.expired])
        }
    }

    @Test func `maxWait ends a queued job, and one that waits for its next attempt`() async throws {
        let fixture = try fixture(concurrency: 1) {
            $0.maxWait = .seconds(3)
            $0.retry.delay = .seconds(60)
        }
        try await fixture.running {
            let failing = try await fixture.submit()
            _ = try await fixture.calls(1)
            fixture.handler.end(EngineFixture.failure)
            try await fixture.job(failing) { $0.state == .queued && $0.progress.attempt == 1 }
            let running = try await fixture.submit()
            _ = try await fixture.calls(2)
            let queued = try await fixture.submit()
            await advance(fixture, 2999)
            await fixture.engine.reclaimer.tick()
            #expect(try await fixture.job(queued).state == .queued)
            #expect(try await fixture.job(failing).state == .queued)
            await advance(fixture, 1)
            await fixture.engine.reclaimer.tick()
            try await fixture.job(running, until: .timeout)
            let backoff = try await fixture.job(failing, until: .timeout)
            #expect(backoff.progress.attempt == 1)
            // The slot came free at the same instant: whichever was first, it ended by its deadline.
            let job = try await fixture.job(queued, until: .timeout)
            #expect(job.progress.lastError == "maxWait exceeded")
        }
    }

    @Test func `maxWait counts from the scheduled time`() async throws {
        let fixture = try fixture(outcomes: [EngineFixture.value]) { $0.maxWait = .seconds(3) }
        try await fixture.running {
            let id = try await fixture.submit(start: .after(.seconds(100)))
            for _ in 0..<100 {
                await advance(fixture, 1000)
                await fixture.engine.reclaimer.tick()
            }
            try await fixture.job(id, until: .completed)
        }
    }

    @Test func `Queued jobs are cancelled at once, running ones by force`() async throws {
        let fixture = try fixture()
        try await fixture.running {
            let delayed = try await fixture.submit(start: .after(.seconds(60)))
            guard case .cancelled = try await fixture.engine.cancel(delayed, as: .admin, force: false) else {
                Issue.record("not cancelled")
                return
            }
            #expect(try await fixture.job(delayed).state == .cancelled)
            let running = try await fixture.submit()
            _ = try await fixture.calls(1)
            #expect(try await fixture.engine.cancel(running, as: .admin, force: false) == .running)
            guard case .cancelled(let job) = try await fixture.engine.cancel(running, as: .admin, force: true) else {
                Issue.record("not cancelled")
                return
            }
            #expect(job.state == .cancelled)
            #expect(try await fixture.attempts(of: running).map(\.result) == [.cancelled])
            #expect(try await fixture.engine.cancel(JobID(row: 5, random: 5), as: .admin, force: true) == .gone)
        }
    }

    @Test func `A manual retry opens a run with a fresh budget and fresh maxWait`() async throws {
        let fixture = try fixture(outcomes: [EngineFixture.failure]) {
            $0.retry.attempts = 1
            $0.maxWait = .seconds(100)
        }
        try await fixture.running {
            let id = try await fixture.submit()
            try await fixture.job(id, until: .failed)
            await advance(fixture, 90_000)
            #expect(try await fixture.engine.retry(id, as: .admin) == .retried(run: 2))
            let calls = try await fixture.calls(2)
            #expect(calls[1].run == 2)
            #expect(calls[1].attempt == 2)
            await advance(fixture, 20_000)
            fixture.handler.end(EngineFixture.value)
            let job = try await fixture.job(id, until: .completed)
            #expect(job.progress == JobProgress(run: 2, attempt: 2, used: 1))
            #expect(try await fixture.engine.retry(id, as: .admin) == .refused(.completed))
            #expect(try await fixture.attempts(of: id).map(\.run) == [1, 2])
        }
    }

    @Test func `Higher priority starts first`() async throws {
        let fixture = try EngineFixture(
            [EngineFixture.function("f")], outcomes: [], concurrency: 1)
        try await fixture.running {
            let blocker = try await fixture.submit()
            _ = try await fixture.calls(1)
            let low = try await fixture.submit("f", #""low""#)
            fixture.engine.adopt(
                Deployment(
                    revision: "b", functions: [EngineFixture.function { $0.priority = 10 }], concurrency: 1))
            let high = try await fixture.submit("f", #""high""#)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(blocker, until: .completed)
            let calls = try await fixture.calls(2)
            #expect(calls[1].job.id == high)
            fixture.handler.end(EngineFixture.value)
            #expect(try await fixture.calls(3)[2].job.id == low)
        }
    }

    @Test func `An end and the claim of what follows it share a commit`() async throws {
        let fixture = try EngineFixture(
            [EngineFixture.function()], outcomes: Array(repeating: EngineFixture.value, count: 40), concurrency: 1)
        var ids: [JobID] = []
        for _ in 0..<40 { ids.append(try await fixture.submit()) }
        let last = ids[39]
        let before = fixture.store.statistics.batches.count
        _ = try await fixture.running { try await fixture.job(last, until: .completed) }
        // Apart from each other they would take 80.
        #expect(fixture.store.statistics.batches.count - before < 60)
    }

    @Test func `A paused function accepts and does not start`() async throws {
        let fixture = try fixture(outcomes: [EngineFixture.value]) { $0.paused = true }
        try await fixture.running {
            let id = try await fixture.submit()
            for _ in 0..<10 { await advance(fixture, 1000) }
            #expect(try await fixture.job(id).state == .queued)
            #expect(fixture.handler.calls.isEmpty)
            fixture.engine.adopt(
                Deployment(revision: "b", functions: [EngineFixture.function()], concurrency: 1))
            while fixture.handler.calls.isEmpty { await advance(fixture, 1000) }
            let job = try await fixture.job(id, until: .completed)
            #expect(job.progress.attempt == 1)
        }
    }

    @Test func `Jobs of a function that is gone wait, and go on when it returns`() async throws {
        let fixture = try fixture(outcomes: [EngineFixture.value])
        try await fixture.running {
            let id = try await fixture.submit(start: .after(.seconds(2)))
            fixture.engine.adopt(
                Deployment(revision: "b", functions: [EngineFixture.function("g")], concurrency: 1))
            for _ in 0..<10 { await advance(fixture, 1000) }
            #expect(try await fixture.job(id).progress.attempt == 0)
            fixture.engine.adopt(
                Deployment(revision: "c", functions: [EngineFixture.function()], concurrency: 1))
            while fixture.handler.calls.isEmpty { await advance(fixture, 1000) }
            try await fixture.job(id, until: .completed)
            #expect(try await fixture.attempts(of: id).map(\.revision) == ["c"])
            #expect(try await fixture.job(id).job.revision == "cafecafecafe")
        }
    }

    @Test func `A wall clock that jumps back or ahead loses nothing and stops no attempt`() async throws {
        let fixture = try fixture { $0.timeout = .seconds(10) }
        try await fixture.running {
            let first = try await fixture.submit()
            _ = try await fixture.calls(1)
            fixture.clock.jump(3_000_000)
            await advance(fixture, 9000)
            #expect(try await fixture.job(first).state == .running)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(first, until: .completed)
            fixture.clock.jump(-9_000_000)
            let second = try await fixture.submit()
            _ = try await fixture.calls(2)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(second, until: .completed)
        }
    }

    @Test func `Shutdown waits for the grace time and gives back the rest without an attempt`() async throws {
        let fixture = try fixture()
        let id = try await fixture.running {
            let id = try await fixture.submit()
            _ = try await fixture.calls(1)
            fixture.engine.dispatcher.beginDraining()
            let waiter = OneShot<Announcer.Wake>()
            _ = fixture.engine.subscribe(to: id) { waiter.set($0) }
            #expect(await waiter.value() == .draining)
            await advance(fixture, 4999)
            #expect(try await fixture.job(id).state == .running)
            while try await fixture.job(id).state == .running { await advance(fixture, 1) }
            return id
        }
        let job = try await fixture.job(id)
        #expect(job.state == .queued)
        #expect(job.progress == JobProgress())
        #expect(try await fixture.attempts(of: id).isEmpty)
    }

    @Test func `A key that outlives its job is still answered with it`() async throws {
        let fixture = try fixture()
        let submission = Submission(function: "f", payload: nil, idempotencyKey: "k")
        try await fixture.running {
            let first = try await fixture.engine.submit(submission)
            _ = try await fixture.calls(1)
            fixture.engine.adopt(
                Deployment(
                    revision: "b", functions: [EngineFixture.function { $0.retention.completed = .zero }],
                    concurrency: 1))
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(first.id, until: .completed)
            await fixture.engine.pruner.tick()
            let second = try await fixture.engine.submit(submission)
            #expect(second.id == first.id)
            #expect(second.replayed)
            #expect(second.job == nil)
        }
    }

    @Test func `Attempts that the engine's end cuts off are given back`() async throws {
        let fixture = try fixture { $0.retry.attempts = 1 }
        let id = try await fixture.running {
            let id = try await fixture.submit()
            _ = try await fixture.calls(1)
            return id
        }
        // The dispatcher's task was cancelled while the attempt ran.
        #expect(try await fixture.job(id).state == .queued)
        #expect(try await fixture.job(id).progress == JobProgress())
    }
}

@Suite(.timeLimit(.minutes(1))) struct CrashTests {
    @Test func `Attempts cut off by a crash use no budget, the third ends the job`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        let id = try await fixture.submit()
        for number in 1...3 {
            // Claimed, and nobody here has it.
            let lane = number < 3 ? 0 : LimitKeys.lane(ofSuspectsFrom: 0)
            let request = ClaimBatch(
                [LaneClaim(function: "f", lane: lane, limit: 1)], revision: Sample.revision, at: fixture.clock.now())
            #expect(try await fixture.store.claim(request).first?.jobs.first?.progress.attempt == number)
            await fixture.reconcile()
            #expect(try await fixture.job(id).progress.lost == number - 1)
            await fixture.reconcile()
            let job = try await fixture.job(id)
            #expect(job.progress.used == 0)
            #expect(job.progress.lost == number)
            #expect(job.state == (number < 3 ? .queued : .failed))
        }
        let job = try await fixture.job(id)
        #expect(job.failure == .permanent)
        #expect(job.progress.lastError == "server stopped 3 times while it ran")
        #expect(try await fixture.attempts(of: id).map(\.result) == [.lost, .lost, .lost])
    }
}

/// One life of three jobs over a store whose N-th call fails, for every N until nothing fails any more: whatever call
/// it is, every accepted job ends exactly once.
@Suite(.timeLimit(.minutes(5))) struct FailingStoreTests {
    /// With one slot the others are claimed along with the end of the one before.
    @Test(arguments: FailingStore.Failure.allCases, [1, 10])
    func `Whichever call of the store fails, every accepted job ends once`(
        _ kind: FailingStore.Failure, slots: Int
    ) async throws {
        for failingCall in 1...500 {
            let box = Box()
            let fixture = try EngineFixture(
                [EngineFixture.function { $0.retry.delay = .milliseconds(100) }],
                outcomes: [EngineFixture.failure, EngineFixture.value, EngineFixture.value, EngineFixture.value]
                    + Array(repeating: EngineFixture.value, count: 4),
                concurrency: slots,
                store: { store in
                    let failing = FailingStore(store, failingCall: failingCall, kind)
                    box.store = failing
                    return failing
                })
            let accepted = try await fixture.running {
                var ids: [JobID] = []
                for _ in 0..<3 {
                    // A caller whose accept fails tries again, as a 503 says.
                    while true {
                        if let id = try? await fixture.submit() {
                            ids.append(id)
                            break
                        }
                    }
                }
                var open = Set(ids)
                while !open.isEmpty {
                    fixture.clock.advance(250)
                    await fixture.engine.reclaimer.tick()
                    for id in open {
                        guard let job = try? await fixture.job(id), job.state.isTerminal else { continue }
                        #expect(job.state == .completed)
                        open.remove(id)
                    }
                    for _ in 0..<20 { await Task.yield() }
                }
                return ids
            }
            #expect(Set(accepted).count == 3)
            for id in accepted {
                guard let attempts = try? await fixture.attempts(of: id) else { continue }
                #expect(attempts.filter { $0.result == .completed }.count == 1)
                #expect(attempts.map(\.number) == Array(1...attempts.count))
            }
            if box.store?.hasFailed != true { return }
        }
        Issue.record("the scenario never got past the failing call")
    }

    private final class Box: @unchecked Sendable {  // Set once before anything runs.
        var store: FailingStore?
    }
}
