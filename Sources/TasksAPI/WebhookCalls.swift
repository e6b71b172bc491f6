internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import PayloadSchema

/// `/v1/tasks/{id}/webhooks`: what was sent about a job, and sending it again.
struct WebhookCalls: Sendable {
    let engine: JobEngine

    func list(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let target = try TaskTarget(context)
        let records = try await visible(target)
        return .response(.json(200, ["webhooks": .array(records.map(Self.body))]))
    }

    /// With its whole budget of attempts, under the same `webhook-id`.
    func resend(_ request: ServerRequest, _ context: RouteContext) async throws -> ServerReply {
        let target = try TaskTarget(context)
        let id = context.parameter("webhook")
        guard let record = try await visible(target).first(where: { $0.delivery.webhookID == id }) else {
            throw Problem(404, "The task has no such webhook.")
        }
        guard try await engine.resend(record.delivery) else {
            throw Problem(
                409, "The webhook is still being sent.", kind: "webhook-pending", title: "Webhook pending")
        }
        let now = try await visible(target).first { $0.delivery.webhookID == id } ?? record
        return .response(.json(202, ["webhook": Self.body(now)]))
    }

    private func visible(_ target: TaskTarget) async throws -> [DeliveryRecord] {
        let job = try target.check(try await engine.job(target.id, as: target.viewer))
        return try await engine.webhooks(of: job, as: target.viewer)
    }

    private static func body(_ record: DeliveryRecord) -> JSONValue {
        let delivery = record.delivery
        return [
            "id": .string(delivery.webhookID), "run": .integer(delivery.run),
            "source": .string(source(delivery.content.audience)), "url": .string(shown(delivery.content)),
            "status": .string(status(delivery.state)),
            // What is leased is under way, or waits for its turn.
            "nextAttemptAt": delivery.state == .pending && delivery.lease == nil
                ? .string(delivery.due.description) : .null,
            "payload": (try? JSONParser.parse(delivery.content.body)) ?? .null,
            "attempts": .array(
                record.attempts.map { attempt in
                    [
                        "number": .integer(attempt.number), "startedAt": .string(attempt.startedAt.description),
                        "duration": .integer(attempt.milliseconds),
                        "statusCode": attempt.statusCode.map { .integer($0) } ?? .null,
                        "success": .bool(attempt.error == nil), "error": .optional(attempt.error),
                    ]
                }),
        ]
    }

    /// A caller gave his URL himself. The manifest's may have secrets in it: only where it leads is told, as of a reload.
    private static func shown(_ content: NewDelivery) -> String {
        switch content.audience {
        case .caller: content.url
        case .function: "\(URLOrigin(of: content.url))/…"
        }
    }

    private static func source(_ audience: WebhookAudience) -> String {
        switch audience {
        case .caller: "caller"
        case .function: "onComplete"
        }
    }

    private static func status(_ state: Delivery.State) -> String {
        switch state {
        case .pending: "pending"
        case .delivered: "delivered"
        case .failed: "failed"
        }
    }
}
