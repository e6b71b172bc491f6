internal import PayloadSchema

/// What was sent about a job, as `jobs show` tells it.
enum WebhookLines {
    /// Each webhook, and below it each attempt at it; with a line break before everything, nothing for none.
    static func text(_ webhooks: JSONValue) -> TerminalText {
        guard case .array(let webhooks) = webhooks else { return "" }
        return webhooks.flatMap { [line($0)] + attempts($0) }.map { "\n\($0)" as TerminalText }.joined()
    }

    private static func line(_ webhook: JSONValue) -> TerminalText {
        func text(_ name: String) -> String { webhook[name]?.string ?? "" }
        let status = webhook["status"]?.string ?? ""
        let color: TerminalColor = status == "delivered" ? .green : status == "failed" ? .red : .yellow
        let pending = status == "pending" ? ", being sent" : ""
        let next = webhook["nextAttemptAt"]?.string.map { ", next attempt \($0)" } ?? pending
        return
            "  webhook \(text("source")) \(text("url")): \(Terminal.paint("\(status)", color))\(next)\n    id: \(text("id"))"
    }

    private static func attempts(_ webhook: JSONValue) -> [TerminalText] {
        guard case .array(let attempts)? = webhook["attempts"] else { return [] }
        return attempts.map { attempt in
            let code = attempt["statusCode"]?.integer.map { "HTTP \($0)" } ?? "no answer"
            let error = attempt["error"]?.string.map { "  \($0)" } ?? ""
            return """
                    attempt \(attempt["number"]?.text ?? ""): \(attempt["startedAt"]?.string ?? "")  \(code)\(error)  \
                \(attempt["duration"]?.text ?? "0") ms
                """
        }
    }
}
