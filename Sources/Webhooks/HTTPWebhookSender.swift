package import JobModel
package import Outbound

/// Makes an attempt at a webhook: one signed POST.
package final class HTTPWebhookSender: WebhookSender {
    /// Nobody looks at what a receiver says; its status decides.
    private static let bodyLimit = 4096

    private let secrets: WebhookSecrets
    private let version: String
    /// For URLs that the operator wrote.
    private let open: Outbound
    /// For URLs that callers gave.
    private let guarded: GuardedOutbound

    package init(secrets: WebhookSecrets, version: String, open: Outbound, guarded: GuardedOutbound) {
        self.secrets = secrets
        self.version = version
        self.open = open
        self.guarded = guarded
    }

    package func send(_ message: WebhookMessage) async -> WebhookAnswer {
        let content = message.delivery.content
        let signature = WebhookSignature(secret: secrets.secret(of: message.signer))
        var headers: [(name: String, value: String)] = [
            ("Content-Type", "application/json"), ("User-Agent", "\(product(message.headerPrefix))/\(version)"),
        ]
        headers += signature.fields(
            id: message.delivery.webhookID, attempt: message.attempt, at: message.time, prefix: message.headerPrefix,
            content.body)
        let request = OutboundRequest(
            method: "POST", url: content.url, headers: headers, body: content.body, timeout: message.timeout,
            bodyLimit: Self.bodyLimit)
        let outbound =
            switch content.audience {
            case .function: open
            case .caller: guarded.outbound
            }
        let result = await outbound.send(request)
        // Whoever said 2xx has it, whatever became of the rest of the answer.
        if let status = result.answer?.status {
            let isTaken = (200..<300).contains(status)
            let pause = result.answer?["retry-after"].flatMap { RetryAfter.duration($0, now: message.time) }
            return WebhookAnswer(
                statusCode: status, error: isTaken ? nil : HTTPStatus(status).text, retryAfter: isTaken ? nil : pause)
        }
        return WebhookAnswer(statusCode: nil, error: result.failure.map { "\($0)" } ?? "no answer")
    }

    /// `X-Sluice` names the product `Sluice-Webhook`.
    private func product(_ prefix: String) -> String {
        let name = prefix.prefix(2).isSameIgnoringASCIICase(as: "x-") ? String(prefix.dropFirst(2)) : prefix
        return "\(name)-Webhook"
    }
}
