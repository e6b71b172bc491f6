import JobModel
import JobStore
import Testing

@testable import JobEngine

/// One dead target keeps neither slots from others nor attempts of its jobs.
@Suite(.timeLimit(.minutes(1))) struct TargetHealthTests {
    private static func calls(_ name: String, _ host: String) -> Function {
        EngineFixture.function(name) { function in
            guard let url = try? Template("http://\(host)/\(name)") else { return }
            function.handler = .http(HTTPTarget(url: url))
            function.retry.attempts = 1
        }
    }

    private static let silent = Exchange(timings: Exchange.Timings(total: 1))

    /// Tells what the target did, then ends as the script says.
    private struct Reporting: Handler {
        let script: ScriptedHandler

        func run(_ call: HandlerCall) async -> Outcome {
            let outcome = await script.run(call)
            switch outcome {
            case .success: call.report(Exchange(statusCode: 200))
            case .failure(let failure): call.report(Exchange(statusCode: failure.statusCode, timings: silent.timings))
            case .timedOut, .expired, .cancelled, .released, .lost: break
            }
            return outcome
        }
    }

    /// Once the handler has been called so often: a job is running before that.
    private static func calls(_ count: Int, of script: ScriptedHandler) async {
        while script.calls.count < count { await Task.yield() }
    }

    private static let nobody = Outcome.failure(.init(error: "connect ECONNREFUSED"))

    @Test func `A target that has left the manifest is forgotten, one that is still there is not`() async throws {
        let script = ScriptedHandler(Array(repeating: Self.nobody, count: 20))
        let dead = Self.calls("a", "dead")
        let gone = Self.calls("b", "gone")
        let fixture = try EngineFixture([dead, gone], handler: Reporting(script: script))
        try await fixture.running {
            for name in ["a", "b"] {
                for _ in 0..<5 {
                    try await fixture.job(try await fixture.submit(name), until: .failed)
                }
            }
            #expect(fixture.engine.dispatcher.silentTargets == 2)
            // A job is read as failed before its attempt has left its target.
            try await fixture.idle()
            fixture.engine.adopt(Deployment(revision: "beefbeefbeef", functions: [dead], concurrency: 10))
            #expect(fixture.engine.dispatcher.silentTargets == 1)
            fixture.engine.adopt(Deployment(revision: "cafecafecafe", functions: [dead, gone], concurrency: 10))
            #expect(fixture.engine.dispatcher.silentTargets == 1)
        }
    }

    @Test func `A target takes no more than three quarters of the slots while there are others`() async throws {
        let script = ScriptedHandler()
        let fixture = try EngineFixture(
            [Self.calls("a", "dead"), Self.calls("b", "dead"), Self.calls("c", "alive")], concurrency: 8,
            handler: Reporting(script: script))
        try await fixture.running {
            try await fixture.up()
            var ids: [JobID] = []
            for index in 0..<8 { ids.append(try await fixture.submit(index % 2 == 0 ? "a" : "b")) }
            for id in ids.prefix(6) { try await fixture.job(id, until: .running) }
            let other = try await fixture.submit("c")
            try await fixture.job(other, until: .running)
            let waiting = try await fixture.job(ids[7])
            #expect(waiting.state == .queued)
            let reasons = try await fixture.engine.explain(waiting)
            #expect(reasons.contains(.targetBusy(target: "http://dead", max: 6)), "\(reasons)")
            // One ends: the next starts, of either function.
            await Self.calls(7, of: script)
            script.end(EngineFixture.value)
            try await fixture.job(ids[6], until: .running)
            await Self.calls(8, of: script)
            for _ in 0..<8 { script.end(EngineFixture.value) }
            await Self.calls(9, of: script)
            script.end(EngineFixture.value)
            try await fixture.job(ids[7], until: .completed)
        }
    }

    @Test func `A silent target is tried one attempt at a time and costs its other jobs none`() async throws {
        let script = ScriptedHandler(Array(repeating: Self.nobody, count: 6))
        let fixture = try EngineFixture(
            [Self.calls("a", "dead"), Self.calls("b", "alive")], concurrency: 4, handler: Reporting(script: script))
        try await fixture.running {
            for _ in 0..<5 { try await fixture.job(try await fixture.submit("a"), until: .failed) }
            while fixture.engine.dispatcher.silentTargets == 0 { await Task.yield() }
            var waiting: [JobID] = []
            for _ in 0..<3 { waiting.append(try await fixture.submit("a")) }
            let reasons = try await fixture.engine.explain(try await fixture.job(waiting[0]))
            let until = fixture.clock.now().wall + .seconds(1)
            #expect(reasons.contains(.targetSilent(target: "http://dead", until: until)), "\(reasons)")
            #expect(script.calls.count == 5)

            // After the pause one tries, in vain: the others have used no attempt.
            fixture.clock.advance(1010)
            try await fixture.job(waiting[0], until: .failed)
            #expect(try await fixture.job(waiting[1]).progress.attempt == 0)
            #expect(script.calls.count == 6)

            // The next one is alone until it has an answer; then all go.
            fixture.clock.advance(2010)
            try await fixture.job(waiting[1], until: .running)
            #expect(try await fixture.job(waiting[2]).state == .queued)
            let alone = try await fixture.engine.explain(try await fixture.job(waiting[2]))
            // Should that one hang, another tries five seconds later.
            let next = fixture.clock.now().wall + .seconds(5)
            #expect(alone.contains(.targetSilent(target: "http://dead", until: next)), "\(alone)")
            await Self.calls(7, of: script)
            script.end(EngineFixture.value)
            await Self.calls(8, of: script)
            #expect(fixture.engine.dispatcher.silentTargets == 0)
            script.end(EngineFixture.value)
            try await fixture.job(waiting[2], until: .completed)
        }
    }

    @Test func `An answer of any status is an answer`() async throws {
        let busy = Outcome.failure(.init(error: "busy", statusCode: 503))
        let script = ScriptedHandler(Array(repeating: busy, count: 20))
        let fixture = try EngineFixture([Self.calls("a", "busy")], handler: Reporting(script: script))
        try await fixture.running {
            for _ in 0..<20 { try await fixture.job(try await fixture.submit("a"), until: .failed) }
            #expect(fixture.engine.dispatcher.silentTargets == 0)
        }
    }
}
