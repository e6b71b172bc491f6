import Foundation
import JobModel
import JobStore
import JobStoreContract
import Synchronization
import Testing

@testable import JobEngine

/// A job that finds a free slot is leased in the commit that accepts it.
@Suite struct AdmissionStartTests {
    private func jobs(
        _ fixture: EngineFixture, _ count: Int, function: String = "f", owner: String? = nil
    ) async throws -> [JobID] {
        var ids: [JobID] = []
        for _ in 0..<count { ids.append(try await fixture.submit(function, owner: owner)) }
        return ids
    }

    @Test func `With a free slot the job is running when it has been accepted`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        try await fixture.running {
            try await fixture.up()
            let id = try await fixture.submit()
            #expect(try await fixture.job(id).state == .running)
            #expect(try await fixture.job(id).progress.attempt == 1)
            let call = try #require(try await fixture.calls(1).first)
            #expect(call.job.id == id)
            #expect(call.attempt == 1)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(id, until: .completed)
            let attempts = try await fixture.attempts(of: id)
            #expect(attempts.map(\.number) == [1])
            #expect(attempts.map(\.revision) == ["cafecafecafe"])
        }
    }

    @Test func `Without one it queues, and whoever came first starts first`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()], concurrency: 2)
        try await fixture.running {
            try await fixture.up()
            let ids = try await jobs(fixture, 5)
            _ = try await fixture.calls(2)
            #expect(try await fixture.job(ids[2]).state == .queued)
            for count in 3...5 {
                fixture.handler.end(EngineFixture.value)
                let calls = try await fixture.calls(count)
                #expect(calls.map(\.job.id) == Array(ids.prefix(count)))
            }
            let next = try await fixture.submit()
            for _ in 0..<2 { fixture.handler.end(EngineFixture.value) }
            _ = try await fixture.calls(6)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(next, until: .completed)
        }
    }

    @Test func `Limits hold: concurrency, throttle, a pause, a later start`() async throws {
        let fixture = try EngineFixture([
            EngineFixture.function("one") { $0.limits.concurrency = [ConcurrencyLimit(limit: 1)] },
            EngineFixture.function("paced") { $0.limits.throttle = [Throttle(limit: 1, per: .seconds(10))] },
            EngineFixture.function("off") { $0.paused = true },
        ])
        try await fixture.running {
            try await fixture.up()
            let one = try await jobs(fixture, 2, function: "one")
            let paced = try await jobs(fixture, 2, function: "paced")
            let off = try await jobs(fixture, 1, function: "off")
            let later = try await fixture.submit("one", start: .after(.seconds(5)))
            _ = try await fixture.calls(2)
            for id in [one[0], paced[0]] { #expect(try await fixture.job(id).state == .running) }
            for id in [one[1], paced[1], off[0], later] { #expect(try await fixture.job(id).state == .queued) }
            for _ in 0..<2 { fixture.handler.end(EngineFixture.value) }
            try await fixture.job(one[1], until: .running)
            #expect(try await fixture.job(paced[1]).state == .queued)
            fixture.clock.advance(10_000)
            try await fixture.job(paced[1], until: .running)
        }
    }

    @Test func `A call that is not accepted gives its slot back`() async throws {
        let fixture = try EngineFixture(
            [EngineFixture.function { $0.limits.concurrency = [ConcurrencyLimit(limit: 1)] }], concurrency: 1,
            store: { FailingStore($0, failingCall: 3, .before, of: .enqueues) })
        try await fixture.running {
            try await fixture.up()
            var accepted: [JobID] = []
            for _ in 0..<6 {
                guard let id = try? await fixture.submit() else { continue }
                accepted.append(id)
                _ = try await fixture.calls(accepted.count)
                fixture.handler.end(EngineFixture.value)
                try await fixture.idle()
            }
            #expect(accepted.count == 5)
            #expect(fixture.engine.counters.total(of: .everybody) == QueueCounters.Gauge())
        }
    }

    @Test func `A replayed key takes no slot`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()], concurrency: 1)
        try await fixture.running {
            try await fixture.up()
            let submission = Submission(function: "f", payload: nil, idempotencyKey: "k")
            let first = try await fixture.engine.submit(submission)
            for _ in 0..<3 { #expect(try await fixture.engine.submit(submission).id == first.id) }
            _ = try await fixture.calls(1)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(first.id, until: .completed)
            try await fixture.idle()
            let next = try await fixture.submit()
            try await fixture.job(next, until: .running)
        }
    }

    @Test func `What is accepted while the dispatcher ends is given back, with no attempt used`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()], grace: .zero)
        let ids = try await fixture.running {
            try await fixture.up()
            return try await withThrowingTaskGroup(of: JobID.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        if number == 20 { fixture.engine.dispatcher.beginDraining() }
                        return try await fixture.submit()
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(ids.count == 40)
        let restarted = try fixture.restarted()
        try await restarted.start()
        for id in ids {
            guard case .found(let job) = try await restarted.job(id, as: .admin) else {
                Issue.record("a job is gone")
                continue
            }
            #expect(job.state == .queued)
            #expect(job.progress.attempt == 0)
            #expect(job.progress.lost == 0)
        }
    }

    /// The peak of what runs is what the slots allow, whichever way jobs come in.
    @Test func `Slots are never oversold`() async throws {
        let handler = PeakHandler()
        let fixture = try EngineFixture(
            ["f", "g"].map { EngineFixture.function($0) }, concurrency: 3,
            accounts: {
                var limits = AccountLimits(); limits.concurrency = 2; return limits
            }(), handler: handler)
        try await fixture.running {
            try await fixture.up()
            try await withThrowingTaskGroup(of: JobID.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await fixture.submit(
                            ["f", "g"][number % 2], owner: ["a", "b", nil][number % 3])
                    }
                }
                for try await id in group { _ = id }
            }
            while fixture.engine.counters.total(of: .everybody) != QueueCounters.Gauge() { await Task.yield() }
        }
        #expect(handler.peak <= 3)
        #expect(handler.peakOfOwner <= 2)
        #expect(handler.count == 200)
    }
}

/// Runs for a few yields and notes how many ran at once.
private final class PeakHandler: Handler {
    private struct State {
        var running: [String: Int] = [:]
        var peak = 0
        var peakOfOwner = 0
        var count = 0
    }

    private let state = Mutex(State())

    func run(_ call: HandlerCall) async -> Outcome {
        let owner = call.job.owner ?? ""
        state.withLock { state in
            state.running[owner, default: 0] += 1
            state.count += 1
            state.peak = max(state.peak, state.running.values.reduce(0, +))
            if !owner.isEmpty { state.peakOfOwner = max(state.peakOfOwner, state.running[owner] ?? 0) }
        }
        for _ in 0..<5 { await Task.yield() }
        state.withLock { $0.running[owner, default: 0] -= 1 }
        return EngineFixture.value
    }

    var peak: Int { state.withLock { $0.peak } }
    var peakOfOwner: Int { state.withLock { $0.peakOfOwner } }
    var count: Int { state.withLock { $0.count } }
}
