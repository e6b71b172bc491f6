import JobModel
import Outbound
import TestClient
import Testing
import Webhooks

/// What one POST to a receiver comes to.
@Suite(.timeLimit(.minutes(1))) struct HTTPWebhookSenderTests {
    private static let time = Timestamp(rfc3339: "1994-11-06T08:49:37Z") ?? Timestamp(milliseconds: 0)

    private func send(to url: String, _ audience: WebhookAudience = .function) async -> WebhookAnswer {
        let secrets = WebhookSecrets(serverKey: Secret("key"), team: nil)
        let sender = HTTPWebhookSender(
            secrets: secrets, version: "1", open: Outbound(policy: .anywhere), guarded: GuardedOutbound(EgressPolicy()))
        let id = JobID(row: 1, random: 1)
        let delivery = Delivery(
            number: 1, job: id, run: 1, function: "f", owner: nil,
            content: NewDelivery(audience: audience, url: url, body: Array("{}".utf8)), state: .pending,
            due: Self.time, used: 0, attempts: 0)
        return await sender.send(
            WebhookMessage(
                delivery: delivery, signer: .job(id), attempt: 1, time: Self.time, timeout: .seconds(10),
                headerPrefix: "X-Sluice"))
    }

    private func answer(_ status: String, _ fields: String...) async throws -> (WebhookAnswer, request: String) {
        let server = try RawServer { peer in
            try peer.request()
            let lines = fields.map { "\($0)\r\n" }.joined()
            try peer.send("HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\(lines)\r\n")
        }
        return (await send(to: server.url), try #require(server.requests.first))
    }

    @Test(
        arguments: [
            ("120", 120), ("0", 0), ("Sun, 06 Nov 1994 08:50:37 GMT", 60), ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
            ("Sun Nov  6 08:50:37 1994", 60), ("soon", nil), ("-5", nil), ("", nil),
        ] as [(String, Int?)])
    func `A receiver says how long it wants to be left alone`(_ value: String, _ seconds: Int?) async throws {
        for status in ["503 Service Unavailable", "429 Too Many Requests", "302 Found"] {
            let (answer, _) = try await answer(status, "Retry-After: \(value)")
            #expect(answer.retryAfter == seconds.map { .seconds($0) }, "\(status)")
            #expect(!answer.isDelivered)
        }
        let (taken, _) = try await answer("202 Accepted", "Retry-After: \(value)")
        #expect(taken == WebhookAnswer(statusCode: 202, error: nil))
    }

    @Test func `A coded answer is an answer, and none is asked for`() async throws {
        let (answer, request) = try await answer("200 OK", "Content-Encoding: compress")
        #expect(answer == WebhookAnswer(statusCode: 200, error: nil))
        #expect(request.contains("\r\nAccept-Encoding: identity\r\n"))
    }

    @Test func `A caller does not learn from a webhook which names this network knows`() async throws {
        let receiver = try RawServer()
        let missing = await send(to: "http://\(String(repeating: "a", count: 64)).invalid/", .caller)
        for host in ["localhost", "127.0.0.1", "[::1]", "169.254.169.254"] {
            #expect(await send(to: "http://\(host):\(receiver.port)/", .caller) == missing)
        }
        #expect(missing.error == "the host was not found, or its address is not allowed")
        #expect(receiver.connections == 0)
    }
}
