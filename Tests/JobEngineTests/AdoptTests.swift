import JobModel
import JobStore
import Testing

@testable import JobEngine

/// Another manifest under a running engine.
@Suite(.timeLimit(.minutes(1))) struct AdoptTests {
    private static func function(_ change: (inout Function) -> Void = { _ in }) -> Function {
        EngineFixture.function { function in
            function.retry.attempts = 1
            change(&function)
        }
    }

    private static func bounded(_ limit: Int) -> Function {
        function { $0.limits.concurrency = [ConcurrencyLimit(limit: limit)] }
    }

    private static func deployment(_ functions: [Function], concurrency: Int = 10) -> Deployment {
        Deployment(revision: "beefbeefbeef", functions: functions, concurrency: concurrency)
    }

    private func states(_ ids: [JobID], in fixture: EngineFixture) async throws -> [JobState] {
        var states: [JobState] = []
        for id in ids { states.append(try await fixture.job(id).state) }
        return states
    }

    /// Waits for it: a job that is claimed to learn what it counts by is running until it is given back.
    private func count(_ wanted: Int, _ state: JobState, of ids: [JobID], in fixture: EngineFixture) async throws {
        while try await states(ids, in: fixture).filter({ $0 == state }).count != wanted {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    @Test func `A raised limit lets waiting jobs start at once, a lowered one counts what runs`() async throws {
        let fixture = try EngineFixture([Self.bounded(1)])
        try await fixture.running {
            try await fixture.up()
            var ids: [JobID] = []
            for _ in 0..<6 { ids.append(try await fixture.submit()) }
            _ = try await fixture.calls(1)
            fixture.engine.adopt(Self.deployment([Self.bounded(4)]))
            _ = try await fixture.calls(4)
            // Three are too many now: nothing is stopped, and nothing starts before two have ended.
            fixture.engine.adopt(Self.deployment([Self.bounded(2)]))
            for _ in 0..<2 { fixture.handler.end(EngineFixture.value) }
            for id in ids.prefix(2) { try await fixture.job(id, until: .completed) }
            try await count(2, .queued, of: ids, in: fixture)
            fixture.handler.end(EngineFixture.value)
            _ = try await fixture.calls(5)
            try await count(2, .running, of: ids, in: fixture)
            #expect(fixture.handler.calls.count == 5)
            for _ in 0..<2 { fixture.handler.end(EngineFixture.value) }
            _ = try await fixture.calls(6)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(ids[5], until: .completed)
        }
    }

    @Test func `Fewer slots stop nothing`() async throws {
        let fixture = try EngineFixture([Self.function()], concurrency: 4)
        try await fixture.running {
            try await fixture.up()
            var ids: [JobID] = []
            for _ in 0..<5 { ids.append(try await fixture.submit()) }
            _ = try await fixture.calls(4)
            fixture.engine.adopt(Self.deployment([Self.function()], concurrency: 1))
            for end in 0..<4 {
                #expect(fixture.handler.calls.count == 4, "\(end) have ended")
                fixture.handler.end(EngineFixture.value)
                try await fixture.job(ids[end], until: .completed)
            }
            _ = try await fixture.calls(5)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(ids[4], until: .completed)
        }
    }

    @Test func `A function that is gone keeps its jobs, without an attempt, until it returns`() async throws {
        let other = EngineFixture.function("g")
        let fixture = try EngineFixture([Self.function { $0.paused = true }, other])
        try await fixture.running {
            try await fixture.up()
            var ids: [JobID] = []
            for _ in 0..<20 { ids.append(try await fixture.submit()) }
            fixture.engine.adopt(Self.deployment([other]))
            let waiting = try await fixture.job(ids[0])
            #expect(try await fixture.engine.explain(waiting) == [.functionMissing])
            await #expect(throws: Refusal.unknownFunction) { try await fixture.submit() }
            let free = try await fixture.submit("g")
            _ = try await fixture.calls(1)
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(free, until: .completed)
            #expect(try await states(ids, in: fixture) == Array(repeating: .queued, count: 20))

            fixture.engine.adopt(Self.deployment([Self.function(), other]))
            for count in 0..<20 {
                _ = try await fixture.calls(count + 2)
                fixture.handler.end(EngineFixture.value)
            }
            for id in ids { #expect(try await fixture.job(id, until: .completed).progress.attempt == 1) }
        }
    }

    @Test func `An attempt ends under the policy that it began with, and its job under the newest`() async throws {
        let once = Self.function { $0.retention.failed = .seconds(1) }
        let fixture = try EngineFixture([once])
        try await fixture.running {
            try await fixture.up()
            let first = try await fixture.submit()
            _ = try await fixture.calls(1)
            fixture.engine.adopt(Self.deployment([Self.function { $0.retry.attempts = 3 }]))
            fixture.handler.end(EngineFixture.failure)
            // One attempt was all it had.
            try await fixture.job(first, until: .failed)
            let attempts = try await fixture.attempts(of: first)
            #expect(attempts.map(\.revision) == ["cafecafecafe"])
        }
    }

    @Test func `What was declared before is remembered until it is declared again`() {
        let old = Self.deployment([EngineFixture.function("a"), EngineFixture.function("b")])
        let without = Self.deployment([EngineFixture.function("b")]).succeeding(old)
        #expect(without.policy(of: "a")?.declared == nil && without.policy(of: "a")?.function.name == "a")
        let again = Self.deployment([EngineFixture.function("c")]).succeeding(without)
        #expect(again.policy(of: "a") != nil && again.policy(of: "b") != nil && again.policy(of: "x") == nil)
        let changed = Self.deployment([EngineFixture.function("a") { $0.priority = 7 }]).succeeding(again)
        #expect(changed.policy(of: "a")?.declared?.priority == 7)
    }
}
