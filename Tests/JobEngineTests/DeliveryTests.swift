import Foundation
import JobModel
import JobStore
import JobStoreContract
import PayloadSchema
import Testing

@testable import JobEngine
@testable import WebhookDelivery

/// Webhooks from the end of a job to their log, with a clock and a receiver that the test owns.
@Suite(.timeLimit(.minutes(1))) struct DeliveryTests {
    private static let url = "https://example.com/hook"

    private static func told(_ change: (inout Function) -> Void = { _ in }) -> Function {
        EngineFixture.function { function in
            function.retry.attempts = 1
            function.onComplete = try? CompletionHook(url: Template(url), secret: Secret("own"))
            change(&function)
        }
    }

    private func record(_ id: JobID, in fixture: EngineFixture) async throws -> DeliveryRecord? {
        try await fixture.webhooks(of: id).first
    }

    /// Moves the clock on until so many attempts have been made.
    private func attempts(_ count: Int, in fixture: EngineFixture, step: Int64 = 100) async -> [WebhookMessage] {
        while fixture.sender.messages.count < count {
            fixture.clock.advance(step)
            await Task.yield()
            try? await Task.sleep(for: .milliseconds(1))
        }
        return fixture.sender.messages
    }

    /// Waits until so many attempts are written.
    private func record(_ id: JobID, in fixture: EngineFixture, attempts: Int) async throws -> DeliveryRecord {
        while true {
            if let record = try await record(id, in: fixture), record.attempts.count == attempts { return record }
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    private func settled(_ id: JobID, in fixture: EngineFixture) async throws -> DeliveryRecord {
        while true {
            if let record = try await record(id, in: fixture), record.delivery.state != .pending { return record }
            fixture.clock.advance(50)
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    @Test func `The end of a job is told in the words of the jobs API`() async throws {
        let value = Outcome.success(value: Array(#"{ "sent" : true, "n": 1.0 }"#.utf8))
        let fixture = try EngineFixture([Self.told()], outcomes: [value])
        try await fixture.running {
            let id = try await fixture.submit()
            let message = try #require(await fixture.sender.messages(1).first)
            let job = try await fixture.job(id, until: .completed)
            let time = try #require(job.completedAt)
            #expect(
                String(decoding: message.delivery.content.body, as: UTF8.self)
                    == #"{"jobId":"\#(id)","type":"f","status":"DONE","result":{"sent":true,"n":1},"timestamp":"\#(time)"}"#
            )
            #expect(message.delivery.content.url == Self.url)
            #expect(message.attempt == 1 && message.signer == .secret(Secret("own")))
            #expect(message.delivery.webhookID == "msg_\(id)_1_onComplete")
            let record = try await settled(id, in: fixture)
            #expect(record.delivery.state == .delivered)
            #expect(record.attempts.map(\.statusCode) == [200])
        }
    }

    @Test func `A failure is told with its error`() async throws {
        let fixture = try EngineFixture([Self.told()], outcomes: [EngineFixture.failure])
        try await fixture.running {
            _ = try await fixture.submit()
            let message = try #require(await fixture.sender.messages(1).first)
            let body = String(decoding: message.delivery.content.body, as: UTF8.self)
            #expect(body.contains(#""status":"FAILED","result":null,"error":"no","timestamp""#))
        }
    }

    @Test func `A receiver that refuses is asked again after 2 and 4 seconds, then given up`() async throws {
        let fixture = try EngineFixture([Self.told()], outcomes: [EngineFixture.value])
        fixture.sender.answer(Array(repeating: ScriptedSender.refused, count: 9))
        try await fixture.running {
            let id = try await fixture.submit()
            for (count, pause) in [(1, Duration.seconds(2)), (2, .seconds(4))] {
                _ = await attempts(count, in: fixture)
                let record = try await record(id, in: fixture, attempts: count)
                let attempt = try #require(record.attempts.last)
                #expect(record.delivery.due >= attempt.startedAt + pause)
                #expect(record.delivery.due <= fixture.clock.now().wall + pause)
            }
            let messages = await attempts(3, in: fixture)
            let record = try await settled(id, in: fixture)
            #expect(record.delivery.state == .failed)
            #expect(record.attempts.map(\.number) == [1, 2, 3])
            #expect(record.attempts.allSatisfy { $0.statusCode == 500 && $0.error == "Internal Server Error" })
            // The same message every time.
            #expect(Set(messages.map(\.delivery.webhookID)).count == 1)
            #expect(Set(messages.map(\.delivery.content.body)).count == 1)
            #expect(messages.map(\.attempt) == [1, 2, 3])
            // What is counted is noted after it is written.
            while fixture.engine.deliveries.counts.failed == 0 { await Task.yield() }
            #expect(fixture.engine.deliveries.counts == Deliveries.Counts(delivered: 0, failed: 1, retried: 2))
        }
    }

    @Test(arguments: [
        (Duration.seconds(60), Duration.seconds(60)), (.zero, .seconds(2)), (.seconds(-60), .seconds(2)),
        (.seconds(1_000_000), .seconds(86_400)),
    ])
    func `A receiver that asks for more time than the policy gives gets it, up to a day`(
        _ asked: Duration, _ pause: Duration
    ) async throws {
        let fixture = try EngineFixture([Self.told()], outcomes: [EngineFixture.value])
        fixture.sender.answer([WebhookAnswer(statusCode: 503, error: "Service Unavailable", retryAfter: asked)])
        try await fixture.running {
            let id = try await fixture.submit()
            _ = await attempts(1, in: fixture)
            let record = try await record(id, in: fixture, attempts: 1)
            let attempt = try #require(record.attempts.last)
            #expect(record.delivery.due >= attempt.startedAt + pause)
            #expect(record.delivery.due <= fixture.clock.now().wall + pause)
        }
    }

    @Test func `A receiver that is gone for good is asked once`() async throws {
        let fixture = try EngineFixture([Self.told()], outcomes: [EngineFixture.value])
        fixture.sender.answer([WebhookAnswer(statusCode: 410, error: "Gone")])
        try await fixture.running {
            let id = try await fixture.submit()
            let record = try await settled(id, in: fixture)
            #expect(record.delivery.state == .failed && record.attempts.count == 1)
        }
    }

    @Test func `A webhook is sent again under its id, with all its attempts`() async throws {
        let fixture = try EngineFixture([Self.told()], outcomes: [EngineFixture.value])
        fixture.sender.answer([WebhookAnswer(statusCode: 410, error: "Gone"), ScriptedSender.refused])
        try await fixture.running {
            let id = try await fixture.submit()
            let first = try await settled(id, in: fixture)
            #expect(try await fixture.engine.resend(first.delivery))
            _ = await attempts(3, in: fixture)
            let again = try await settled(id, in: fixture)
            #expect(again.delivery.state == .delivered)
            #expect(again.attempts.map(\.number) == [1, 2, 3])
            #expect(Set(fixture.sender.messages.map(\.delivery.webhookID)).count == 1)
        }
    }

    @Test(arguments: CompletionHook.Event.allCases)
    func `Only the events that were asked for are told`(_ event: CompletionHook.Event) async throws {
        let function = Self.told { $0.onComplete?.events = [event] }
        let fixture = try EngineFixture([function], outcomes: [EngineFixture.value, EngineFixture.failure])
        try await fixture.running {
            let done = try await fixture.submit()
            try await fixture.job(done, until: .completed)
            let failed = try await fixture.submit()
            try await fixture.job(failed, until: .failed)
            let late = try await fixture.submit(start: .after(.seconds(60)))
            _ = try await fixture.engine.cancel(late, as: .admin, force: false)
            let overdue = try await fixture.submit(start: .after(.seconds(60)))
            fixture.clock.advance(8 * 86_400_000)
            await fixture.engine.reclaimer.tick()
            try await fixture.job(overdue, until: .timeout)
            let ids: [CompletionHook.Event: JobID] = [
                .completed: done, .failed: failed, .cancelled: late, .timeout: overdue,
            ]
            for (other, id) in ids {
                #expect(try await fixture.webhooks(of: id).count == (other == event ? 1 : 0), "\(other)")
            }
            let message = try #require(await fixture.sender.messages(1).first)
            #expect(message.delivery.job == ids[event])
            let words: [CompletionHook.Event: String] = [
                .completed: "DONE", .failed: "FAILED", .timeout: "FAILED", .cancelled: "CANCELLED",
            ]
            let body = String(decoding: message.delivery.content.body, as: UTF8.self)
            #expect(body.contains(#""status":"\#(words[event] ?? "")""#))
        }
    }

    @Test func `A caller's webhook is signed with the account's secret, without one with the job's own`() async throws {
        let fixture = try EngineFixture(
            [EngineFixture.function()], outcomes: Array(repeating: EngineFixture.value, count: 3))
        try await fixture.running {
            var ids: [JobID] = []
            for owner in ["acme", nil, Job.adminOwner] {
                ids.append(
                    try await fixture.engine.submit(
                        Submission(function: "f", payload: nil, owner: owner, options: JobOptions(webhook: Self.url))
                    ).id)
            }
            let messages = await fixture.sender.messages(3)
            let signers = Dictionary(uniqueKeysWithValues: messages.map { ($0.delivery.job, $0.signer) })
            #expect(ids.map { signers[$0] } == [.account("acme"), .job(ids[1]), .operator])
            #expect(messages.allSatisfy { $0.delivery.content.audience == .caller })
        }
    }

    @Test func `The URL of onComplete takes the job's values, also of a job that never ran`() async throws {
        let function = Self.told {
            $0.onComplete = try? CompletionHook(
                url: Template("https://example.com/{payload.a}/{parameters.b}?r={result.c}"))
        }
        let fixture = try EngineFixture([function], outcomes: [.success(value: Array(#"{"c":"x/y"}"#.utf8))])
        try await fixture.running {
            var parameters = JSONObject()
            parameters["b"] = "p q"
            func submit(_ start: Submission.Start) async throws -> JobID {
                try await fixture.engine.submit(
                    Submission(
                        function: "f", payload: Array(#"{"a":1}"#.utf8), parameters: parameters, start: start)
                ).id
            }
            let done = try await submit(.now)
            #expect(try await settled(done, in: fixture).delivery.content.url == "https://example.com/1/p%20q?r=x%2Fy")
            let late = try await submit(.after(.seconds(60)))
            _ = try await fixture.engine.cancel(late, as: .admin, force: false)
            #expect(try await record(late, in: fixture)?.delivery.content.url == "https://example.com/1/p%20q?r=")
            let overdue = try await submit(.after(.seconds(60)))
            fixture.clock.advance(8 * 86_400_000)
            await fixture.engine.reclaimer.tick()
            try await fixture.job(overdue, until: .timeout)
            #expect(try await record(overdue, in: fixture)?.delivery.content.url == "https://example.com/1/p%20q?r=")
        }
    }

    @Test(arguments: 1...2) func `Where the job cannot be read its webhook is not made up`(_ call: Int) async throws {
        let function = Self.told {
            $0.onComplete = try? CompletionHook(url: Template("https://example.com/{payload.a}"))
        }
        let fixture = try EngineFixture(
            [function], store: { FailingStore($0, failingCall: call, .before, of: .fetches) })
        try await fixture.running {
            let id = try await fixture.submit("f", #"{"a":1}"#, start: .after(.seconds(60)))
            var refusals = 0
            while true {
                do {
                    _ = try await fixture.engine.cancel(id, as: .admin, force: false)
                    break
                } catch {
                    refusals += 1
                }
            }
            #expect(refusals == 1)
            #expect(try await record(id, in: fixture)?.delivery.content.url == "https://example.com/1")
        }
    }

    @Test func `Overdue jobs end one by one where together they cannot`() async throws {
        let function = Self.told {
            $0.onComplete = try? CompletionHook(url: Template("https://example.com/{payload.a}"))
        }
        let fixture = try EngineFixture([function], store: { FailingStore($0, failingCall: 1, .before, of: .fetches) })
        try await fixture.running {
            var ids: [JobID] = []
            for number in 1...3 {
                ids.append(try await fixture.submit("f", #"{"a":\#(number)}"#, start: .after(.seconds(60))))
            }
            fixture.clock.advance(8 * 86_400_000)
            await fixture.engine.reclaimer.tick()
            for (number, id) in zip(1..., ids) {
                #expect(try await fixture.job(id).state == .timeout)
                #expect(try await record(id, in: fixture)?.delivery.content.url == "https://example.com/\(number)")
            }
        }
    }

    @Test func `Without its onComplete a webhook is not signed with another secret`() async throws {
        let fixture = try EngineFixture([Self.told()], outcomes: [EngineFixture.value])
        fixture.sender.answer([ScriptedSender.refused])
        try await fixture.running {
            let id = try await fixture.submit()
            _ = await fixture.sender.messages(1)
            let plain = Deployment(revision: "beefbeefbeef", functions: [EngineFixture.function()], concurrency: 10)
            fixture.engine.adopt(plain)
            let record = try await settled(id, in: fixture)
            #expect(record.delivery.state == .failed)
            #expect(record.attempts.last?.error?.hasPrefix("not sent: onComplete is not declared any more") == true)
            #expect(fixture.sender.messages.count == 1)
            // Declared again, it can be sent, with its own secret.
            fixture.engine.adopt(Deployment(revision: "cafecafecafe", functions: [Self.told()], concurrency: 10))
            #expect(try await fixture.engine.resend(record.delivery))
            #expect(await fixture.sender.messages(2)[1].signer == .secret(Secret("own")))
        }
    }

    @Test func `A manual retry's end is a webhook of its own`() async throws {
        let fixture = try EngineFixture([Self.told()], outcomes: [EngineFixture.failure, EngineFixture.value])
        try await fixture.running {
            let id = try await fixture.submit()
            try await fixture.job(id, until: .failed)
            _ = try await fixture.engine.retry(id, as: .admin)
            let messages = await attempts(2, in: fixture)
            #expect(messages.map(\.delivery.webhookID) == ["msg_\(id)_1_onComplete", "msg_\(id)_2_onComplete"])
        }
    }

    @Test func `What a shutdown cuts off is sent again by the next process, as the same attempt`() async throws {
        let fixture = try EngineFixture([Self.told()], outcomes: [EngineFixture.value])
        fixture.sender.hang()
        let id = try await fixture.running {
            let id = try await fixture.submit()
            _ = await fixture.sender.messages(1)
            return id
        }
        let record = try #require(try await record(id, in: fixture))
        #expect(record.delivery.state == .pending)
        #expect(record.attempts.isEmpty && record.delivery.attempts == 0)
    }

    @Test func `Whichever call of the store fails, the webhook arrives and its attempt is told once`() async throws {
        for failure in FailingStore.Failure.allCases {
            for call in 1...12 {
                let fixture = try EngineFixture(
                    [Self.told()], outcomes: [EngineFixture.value, EngineFixture.value],
                    store: { FailingStore($0, failingCall: call, failure) })
                try await fixture.running {
                    var id: JobID?
                    while id == nil { id = try? await fixture.submit() }
                    let job = try #require(id)
                    for _ in 0..<2000 {
                        if let record = try? await record(job, in: fixture), record.delivery.state == .delivered {
                            #expect(record.attempts.count == 1, "\(failure) \(call)")
                            return
                        }
                        fixture.clock.advance(100)
                        // A claim whose answer was lost is taken up because nobody holds it.
                        await fixture.engine.reclaimer.tick()
                        try await Task.sleep(for: .milliseconds(1))
                    }
                    Issue.record("not delivered: \(failure) \(call)")
                }
            }
        }
    }

    @Test(arguments: 1...3)
    func `A claim of webhooks whose answer got lost is soon made again`(_ call: Int) async throws {
        let fixture = try EngineFixture(
            [Self.told()], outcomes: [EngineFixture.value],
            store: { FailingStore($0, failingCall: call, .after, of: .deliveryClaims) })
        try await fixture.running {
            let id = try await fixture.submit()
            try await fixture.job(id, until: .completed)
            let start = fixture.clock.now().monotonic
            _ = await attempts(1, in: fixture)
            // Two seconds and a pause; on a busy machine this clock runs ahead of the engine.
            #expect(fixture.clock.now().monotonic - start < 60_000)
            #expect(try await record(id, in: fixture, attempts: 1).delivery.state == .delivered)
        }
    }

    @Test func `A webhook whose receiver takes its time is sent once, though nothing renews its lease`() async throws {
        let fixture = try EngineFixture([Self.told()], outcomes: [EngineFixture.value])
        fixture.sender.hang()
        try await fixture.running {
            let id = try await fixture.submit()
            _ = await fixture.sender.messages(1)
            for _ in 0..<100 {
                fixture.clock.advance(10_000)
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect(fixture.sender.messages.count == 1)
            #expect(try await record(id, in: fixture)?.delivery.lease != nil)
        }
    }

    @Test func `A receiver that hangs with hundreds of webhooks does not hold up another's`() async throws {
        let fixture = try EngineFixture(
            [EngineFixture.function()], outcomes: Array(repeating: EngineFixture.value, count: 700))
        fixture.sender.hang(at: "https://hangs.example.com/")
        try await fixture.running {
            func submit(_ host: String) async throws {
                _ = try await fixture.engine.submit(
                    Submission(
                        function: "f", payload: nil, options: JobOptions(webhook: "https://\(host).example.com/")))
            }
            for _ in 0..<600 { try await submit("hangs") }
            _ = await fixture.sender.messages(ReceiverQueue.unknown)
            for _ in 0..<20 { try await submit("quick") }
            func told() -> Int {
                fixture.sender.messages.count { $0.delivery.content.url == "https://quick.example.com/" }
            }
            let start = fixture.clock.now().monotonic
            while told() < 20 {
                fixture.clock.advance(5)
                try await Task.sleep(for: .milliseconds(1))
            }
            // By far less than the 15 s after which the first attempt at the other one ends.
            #expect(fixture.clock.now().monotonic - start < 10_000)
            #expect(fixture.engine.deliveries.counts.failed == 0)
        }
    }
}
