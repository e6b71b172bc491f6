import Dispatching
import JobModel
import JobStore
import JobStoreContract
import PayloadSchema
import Testing

@testable import JobEngine

/// Where a status leads is worked out once and kept: nobody who looks needs the payload.
@Suite(.timeLimit(.minutes(1))) struct RedirectPlanTests {
    private static func function(_ place: String, _ change: (inout Function) -> Void = { _ in }) throws -> Function {
        let templates: [RedirectState: Template] = [
            .pending: try Template("/\(place)/wait/{payload.a}"),
            .completed: try Template("/\(place)/done/{payload.a}/{parameters.b}/{result.c}"),
            .failed: try Template("/\(place)/failed/{payload.a}"),
        ]
        return EngineFixture.function {
            $0.endpoint.redirects = templates
            change(&$0)
        }
    }

    private static let value = Outcome.success(value: Array(#"{"c":"z"}"#.utf8))
    private static let refused = Outcome.failure(.init(error: "no", retryable: false))

    private func submit(
        _ fixture: EngineFixture, _ payload: String = #"{"a":"x y"}"#, start: Submission.Start = .now
    ) async throws -> JobID {
        var parameters = JSONObject()
        parameters["b"] = "7"
        return try await fixture.engine.submit(
            Submission(
                function: "f", payload: Array(payload.utf8), parameters: parameters, start: start)
        ).id
    }

    /// What a status page reads: no payload.
    private func look(_ fixture: EngineFixture, at id: JobID) async throws -> JobSnapshot {
        guard case .found(let job) = try await fixture.engine.job(id, as: .admin, including: .value) else {
            throw EngineFixture.Missing()
        }
        #expect(job.job.payload == nil)
        return job
    }

    @Test func `Each state leads where the manifest said when it was recorded, whatever a reload says later`()
        async throws
    {
        let fixture = try EngineFixture([try Self.function("one")])
        try await fixture.running {
            try await fixture.up()
            let delayed = try await submit(fixture, start: .after(.seconds(60)))
            #expect(try await look(fixture, at: delayed).job.options.pendingRedirect == "/one/wait/x%20y")
            let completed = try await submit(fixture)
            _ = try await fixture.calls(1)
            fixture.handler.end(Self.value)
            try await fixture.job(completed, until: .completed)
            let failed = try await submit(fixture)
            _ = try await fixture.calls(2)
            fixture.handler.end(Self.refused)
            try await fixture.job(failed, until: .failed)
            let running = try await submit(fixture)
            _ = try await fixture.calls(3)

            fixture.engine.adopt(
                Deployment(revision: "r", functions: [try Self.function("two")], concurrency: 10))
            #expect(try await look(fixture, at: completed).redirect == "/one/done/x%20y/7/z")
            #expect(try await look(fixture, at: failed).redirect == "/one/failed/x%20y")
            #expect(try await look(fixture, at: delayed).job.options.pendingRedirect == "/one/wait/x%20y")
            // What ends or is accepted from now on goes by the new one.
            fixture.handler.end(Self.value)
            try await fixture.job(running, until: .completed)
            #expect(try await look(fixture, at: running).redirect == "/two/done/x%20y/7/z")
            let next = try await submit(fixture, start: .after(.seconds(60)))
            #expect(try await look(fixture, at: next).job.options.pendingRedirect == "/two/wait/x%20y")
            // Tried again by hand, it ends anew.
            _ = try await fixture.engine.retry(failed, as: .admin)
            _ = try await fixture.calls(4)
            fixture.handler.end(Self.value)
            try await fixture.job(failed, until: .completed)
            #expect(try await look(fixture, at: failed).redirect == "/two/done/x%20y/7/z")
        }
    }

    @Test func `Attempts that are used up lead where failures do; cancelled and timed out jobs lead nowhere`()
        async throws
    {
        let fixture = try EngineFixture([try Self.function("one") { $0.retry.attempts = 1 }])
        try await fixture.running {
            try await fixture.up()
            let failed = try await submit(fixture)
            _ = try await fixture.calls(1)
            fixture.handler.end(EngineFixture.failure)
            #expect(try await fixture.job(failed, until: .failed).redirect == "/one/failed/x%20y")
            let cancelled = try await submit(fixture, start: .after(.seconds(60)))
            _ = try await fixture.engine.cancel(cancelled, as: .admin, force: false)
            #expect(try await fixture.job(cancelled).redirect == nil)
        }
    }

    @Test func `What the handler said comes first, and what leads nowhere is left out`() async throws {
        let fixture = try EngineFixture([try Self.function("one")])
        try await fixture.running {
            try await fixture.up()
            let cases: [(String, Outcome, String?)] = [
                (
                    #"{"a":1}"#, .success(value: Array("1".utf8), redirect: "https://example.com/7"),
                    "https://example.com/7"
                ),
                (#"{"a":1}"#, .success(value: Array("1".utf8), redirect: "javascript:alert(1)"), nil),
                (#"{"a":1}"#, EngineFixture.value, nil), ("{}", Self.value, nil), ("[]", Self.value, nil),
                (#"{"a":{}}"#, Self.value, nil), (#"{"a":1}"#, Self.value, "/one/done/1/7/z"),
            ]
            for (number, (payload, outcome, redirect)) in cases.enumerated() {
                let id = try await submit(fixture, payload)
                _ = try await fixture.calls(number + 1)
                fixture.handler.end(outcome)
                let job = try await fixture.job(id, until: .completed)
                #expect(job.redirect == redirect, "\(payload)")
                #expect(job.job.options.pendingRedirect == (payload == #"{"a":1}"# ? "/one/wait/1" : nil))
            }
        }
    }

    @Test func `A job that ends without being claimed whole is read for it`() async throws {
        let fixture = try EngineFixture([try Self.function("one")])
        let id = try await submit(fixture)
        for number in 1...3 {
            // After two lost attempts it stands in a lane of suspects.
            let lane = number < 3 ? 0 : LimitKeys.lane(ofSuspectsFrom: 0)
            let request = ClaimBatch(
                [LaneClaim(function: "f", lane: lane, limit: 1)], revision: Sample.revision, at: fixture.clock.now())
            _ = try await fixture.store.claim(request)
            await fixture.reconcile()
            await fixture.reconcile()
        }
        let job = try await fixture.job(id)
        #expect(job.state == .failed)
        #expect(job.redirect == "/one/failed/x%20y")
    }
}
