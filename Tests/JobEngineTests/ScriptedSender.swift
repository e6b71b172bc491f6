import JobModel
import Synchronization
import Timing

@testable import JobEngine

/// A sender that answers what the test says, and keeps what it was given.
final class ScriptedSender: WebhookSender {
    private struct State {
        var answers: [WebhookAnswer] = []
        var messages: [WebhookMessage] = []
        var waiting: [(count: Int, wake: OneShot<Void>)] = []
        /// Attempts hang until they are cancelled.
        var hangs = false
        var hangingURL: String?
    }

    private let state = Mutex(State())

    static let taken = WebhookAnswer(statusCode: 200, error: nil)
    static let refused = WebhookAnswer(statusCode: 500, error: "Internal Server Error")

    /// In turn; afterwards everything is taken.
    func answer(_ answers: [WebhookAnswer]) { state.withLock { $0.answers = answers } }

    func hang() { state.withLock { $0.hangs = true } }

    func hang(at url: String) { state.withLock { $0.hangingURL = url } }

    var messages: [WebhookMessage] { state.withLock { $0.messages } }

    func send(_ message: WebhookMessage) async -> WebhookAnswer {
        let (answer, hangs, woken) = state.withLock { state in
            state.messages.append(message)
            let answer = state.answers.isEmpty ? Self.taken : state.answers.removeFirst()
            let count = state.messages.count
            let woken = state.waiting.filter { $0.count <= count }
            state.waiting.removeAll { $0.count <= count }
            return (answer, state.hangs || message.delivery.content.url == state.hangingURL, woken)
        }
        for waiter in woken { waiter.wake.set(()) }
        if hangs { _ = await OneShot<Void>().value() }
        return answer
    }

    /// Once so many attempts have been made.
    func messages(_ count: Int) async -> [WebhookMessage] {
        let wake = OneShot<Void>()
        let isThere = state.withLock { state in
            if state.messages.count >= count { return true }
            state.waiting.append((count, wake))
            return false
        }
        if !isThere { _ = await wake.value() }
        return messages
    }
}
