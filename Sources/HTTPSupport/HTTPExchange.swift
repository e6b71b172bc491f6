package import NIOCore
internal import PayloadSchema

/// One request that is being answered, on its connection's event loop.
///
/// It is answered exactly once: whole with `reply`, or in pieces with `begin`, `write` and `end`. Whatever comes after the
/// client has gone is dropped.
// Used on its event loop only, but for `post`, `run` and what never changes.
package final class HTTPExchange: @unchecked Sendable {
    package let context: RouteContext
    let style: AnswerStyle
    let isHead: Bool
    private let box: LoopBox
    private let desk: any AnswerDesk
    private let connections: Connections
    private var isHeld = false
    private var handler: (any ExchangeHost)?
    /// The answer is the connection's last.
    var closes: Bool

    /// Called once when nobody reads the answer any more, or never.
    package var onGone: (() -> Void)?

    init(
        _ context: RouteContext, _ style: AnswerStyle, isHead: Bool, closes: Bool, handler: any ExchangeHost,
        box: LoopBox, desk: any AnswerDesk, connections: Connections
    ) {
        self.context = context
        self.style = style
        self.isHead = isHead
        self.closes = closes
        self.handler = handler
        self.box = box
        self.desk = desk
        self.connections = connections
    }

    /// Whether an answer is still wanted.
    package var isOpen: Bool { handler != nil }

    // MARK: From anywhere

    /// Calls `body` on the event loop, soon.
    package func post(_ body: @escaping @Sendable () -> Void) { box.post(body) }

    /// Answers in a task.
    package func run(_ body: @escaping @Sendable () async throws -> ServerReply) {
        Task {
            let reply: ServerReply
            do {
                reply = try await body()
            } catch {
                post { self.fail(error) }
                return
            }
            switch reply {
            case .response(let response): post { self.reply(response) }
            case .stream(let head, let body): await stream(head, body)
            }
        }
    }

    private func stream(_ head: ServerResponse, _ body: @Sendable (StreamWriter) async throws -> Void) async {
        post { self.begin(head) }
        do {
            try await body(
                StreamWriter { bytes in
                    try await withCheckedThrowingContinuation { continuation in
                        self.post { self.write(bytes) { continuation.resume(with: $0) } }
                    }
                })
            post { self.end() }
        } catch {
            // A chunked body without its end: the client sees that it is not whole.
            post { self.handler?.cut(self) }
        }
    }

    // MARK: On the event loop

    /// Milliseconds of the event loop's clock.
    package var now: Int64 { Int64(clamping: box.loop.now.uptimeNanoseconds / 1_000_000) }

    package func after(milliseconds: Int64, _ body: @escaping () -> Void) -> Scheduled<Void> {
        box.loop.assumeIsolated().scheduleTask(in: .milliseconds(milliseconds), body)
    }

    /// Takes a place for a request that is held: a long poll, a stream. It is given back at the end. False when the client
    /// holds as many as it may (`connections.perAddress`).
    package func hold() -> Bool {
        // Nobody would give it back.
        guard isOpen else { return false }
        if !isHeld { isHeld = connections.hold(context.client) }
        return isHeld
    }

    /// Answers that a client holds as many requests as it may.
    package func refuseHold() {
        fail(
            Problem(
                429, "Too many of your requests wait at once; let some end first.", kind: "held-requests",
                extensions: [("limit", "server.connections.perAddress"), ("retryAfter", 5)],
                headers: [("Retry-After", "5")]))
    }

    private func letGo() {
        if isHeld { connections.letGo(context.client) }
        isHeld = false
    }

    package func reply(_ response: ServerResponse) {
        guard let handler else { return }
        desk.answered(style, context.requestID, status: response.status)
        handler.reply(response, to: self)
    }

    package func fail(_ error: any Error) {
        guard isOpen else { return }
        let problem = desk.problem(for: error, context.requestID)
        reply(style.errors.response(to: problem, requestID: context.requestID))
    }

    package func begin(_ head: ServerResponse) {
        guard let handler else { return }
        desk.answered(style, context.requestID, status: head.status)
        handler.begin(head, self)
    }

    /// - Parameter then: called when the system has taken the bytes, or with why it has not.
    package func write(_ bytes: [UInt8], then: @escaping (Result<Void, any Error>) -> Void) {
        guard let handler else { return then(.failure(ChannelError.ioOnClosedChannel)) }
        handler.write(bytes, then: then)
    }

    package func end() { handler?.end(self) }

    /// The client has gone, or will send nothing more.
    func gone() {
        let body = onGone
        onGone = nil
        body?()
    }

    /// Nobody is interested in what comes now.
    func close() {
        handler = nil
        letGo()
        gone()
    }

    /// The answer is on its way.
    func finish() {
        handler = nil
        letGo()
        onGone = nil
    }
}

/// The connection that an exchange is on. Used on its event loop only.
protocol ExchangeHost: AnyObject {
    func reply(_ response: ServerResponse, to exchange: HTTPExchange)
    func begin(_ head: ServerResponse, _ exchange: HTTPExchange)
    func write(_ bytes: [UInt8], then: @escaping (Result<Void, any Error>) -> Void)
    func end(_ exchange: HTTPExchange)
    /// An answer that cannot be brought to its end.
    func cut(_ exchange: HTTPExchange)
}
