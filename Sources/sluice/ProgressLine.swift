internal import Glibc
internal import JobModel
internal import PayloadSchema

/// One line on a terminal that is written over as things go on.
struct ProgressLine {
    let isShown: Bool

    /// - Parameter isShown: whether it is wanted; it is never shown where nobody looks.
    init(isShown: Bool) {
        self.isShown = isShown && isatty(STDERR_FILENO) == 1
    }

    func show(_ text: TerminalText) {
        if isShown { StandardError.write("\r\u{1B}[K\(text)") }
    }

    func clear() { show("") }

    /// State, attempt, elapsed time, and when the next attempt comes, from a status answer.
    ///
    /// - Parameter status: the body of the status URL's answer.
    static func text(
        function: String, state: String, status: JSONValue, maxAttempts: String, seconds: Int, now: Timestamp
    ) -> TerminalText {
        let attempts = status["attempts"]?.integer ?? 0
        var parts: [TerminalText] = ["\(function): \(state)"]
        if attempts > 0 || state == "inFlight" { parts.append("attempt \(max(1, attempts)) of \(maxAttempts)") }
        parts.append("\(seconds)s")
        if state == "pending", let runAt = status["runAt"]?.string.flatMap({ Timestamp(rfc3339: $0) }), runAt > now {
            let wait = (runAt - now).secondsRoundedUp
            parts.append(attempts > 0 ? "next attempt in \(wait)s" : "starts in \(wait)s")
        }
        return parts.joined(separator: ", ")
    }
}
