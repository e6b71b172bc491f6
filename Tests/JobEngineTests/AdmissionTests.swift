import JobModel
import JobStore
import JobStoreContract
import Synchronization
import Testing

@testable import JobEngine

/// Calls come in without waiting, several at a time, and what they hold is closed once.
@Suite(.timeLimit(.minutes(1))) struct AdmissionTests {
    private static func call(_ key: String? = nil, payload: String? = nil, function: String = "f") -> Submission {
        Submission(function: function, payload: payload.map { Array($0.utf8) }, idempotencyKey: key)
    }

    private static func ids(_ results: [Result<Accepted, Refusal>]) -> [JobID?] {
        results.map { if case .success(let accepted) = $0 { accepted.id } else { nil } }
    }

    @Test func `Several calls at once get an answer each, in their order`() async throws {
        let fixture = try EngineFixture([EngineFixture.function { $0.limits.maxQueued = 3 }])
        let results = await fixture.engine.submit([
            Self.call("k"), Self.call(payload: "{"), Self.call("k"), Self.call("k", payload: "1"), Self.call(),
            Self.call(function: "nobody"), Self.call(),
        ])
        let ids = Self.ids(results)
        #expect(ids[0] != nil && ids[0] == ids[2])
        #expect(results.map { if case .success(let accepted) = $0 { accepted.replayed } else { false } }[2])
        #expect(throws: Refusal.idempotencyConflict) { try results[3].get() }
        #expect(throws: Refusal.unknownFunction) { try results[5].get() }
        guard case .failure(.invalidJSON) = results[1] else {
            Issue.record("\(results[1])")
            return
        }
        // Three places were held by the three calls with one key, of which one is a job; the others are free again.
        guard case .failure(.queueFull) = results[4], case .failure(.queueFull) = results[6] else {
            Issue.record("\(results)")
            return
        }
        #expect(fixture.engine.counters["f"].queued == 1)
        #expect(try await fixture.store.backlog().map(\.queued) == [1])
    }

    @Test func `Where there is no room a key that was used before still answers`() async throws {
        let fixture = try EngineFixture([
            EngineFixture.function {
                $0.limits.maxQueued = 1
                $0.limits.rate = [RateLimit(limit: 10, per: .seconds(10))]
            }
        ])
        let first = try await fixture.engine.submit(Self.call("k"))
        let again = try await fixture.engine.submit(Self.call("k"))
        #expect(again.id == first.id && again.replayed)
        await #expect(throws: Refusal.idempotencyConflict) {
            try await fixture.engine.submit(Self.call("k", payload: "1"))
        }
        for key in [nil, "other"] {
            await #expect(throws: Refusal.self) { try await fixture.engine.submit(Self.call(key)) }
        }
        let refused = fixture.engine.metrics.all["f"]?.refused
        #expect(refused?[.queueFull] == 2 && refused?[.idempotencyConflict] == 1)
    }

    @Test func `A call that the store has no word in is answered before it returns`() throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        let answers = Mutex(0)
        fixture.engine.submit([Self.call(payload: "{"), Self.call(function: "nobody")]) { given in
            answers.withLock { $0 += given.count }
        }
        #expect(answers.withLock { $0 } == 2)
        fixture.engine.submit([]) { given in answers.withLock { $0 += given.count + 1 } }
        #expect(answers.withLock { $0 } == 3)
    }

    /// Whatever goes wrong, and whenever: places, windows and slots are all there again.
    @Test(arguments: FailingStore.Failure.allCases, [true, false])
    func `What a call held is given back when it is not accepted`(
        _ failure: FailingStore.Failure, _ isReady: Bool
    ) async throws {
        let fixture = try EngineFixture(
            [
                EngineFixture.function {
                    $0.limits.maxQueued = 2
                    $0.limits.rate = [RateLimit(limit: 2, per: .seconds(10))]
                }
            ],
            concurrency: 2, store: { FailingStore($0, failingCall: 1, failure, of: .enqueues) })
        @Sendable func check() async throws {
            let results = await fixture.engine.submit([Self.call("a"), Self.call("b"), Self.call("c")])
            guard case .failure(.storeUnavailable) = results[0], case .failure(.storeUnavailable) = results[1] else {
                Issue.record("\(results)")
                return
            }
            #expect(fixture.engine.counters["f"].queued == 0)
            // Both places, both counts and, where the dispatcher runs, both slots.
            let again = await fixture.engine.submit([Self.call("d"), Self.call("e")])
            #expect(Self.ids(again).allSatisfy { $0 != nil })
            if isReady { _ = try await fixture.calls(2) }
        }
        guard isReady else { return try await check() }
        try await fixture.running {
            try await fixture.up()
            try await check()
            fixture.handler.end(EngineFixture.value)
            fixture.handler.end(EngineFixture.value)
        }
    }
}
