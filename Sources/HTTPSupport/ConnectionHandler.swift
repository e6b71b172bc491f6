internal import JobModel
internal import NIOCore
internal import NIOHTTP1

/// The last handler of a connection: requests in, answers out, and every deadline.
///
/// A request is looked at when its head is there, and one is answered at a time, in order: pipelined answers cannot overtake
/// each other, a refusal included. What comes meanwhile waits here, and nothing more is read.
final class ConnectionHandler: ChannelDuplexHandler, ExchangeHost {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private enum Reading {
        case idle
        case body(ServerRequest, RouteAnswer, limit: Int)
        /// The request is whole and being answered.
        case whole
        /// It was answered before its body came; so many bytes of that are dropped, then the next request may come.
        case skipping(Int)
        /// Nothing is looked at any more.
        case discarding
    }

    private let limits: HTTPLimits
    private let connection: ClientConnection
    private let door: any Door
    private let box: LoopBox
    private let connections: Connections
    private let output: ConnectionOutput
    private var context: ChannelHandlerContext?
    private var deadline = Deadline()

    private var reading = Reading.idle
    private var exchange: HTTPExchange?
    private var body: RequestBody
    private var waiting = PipelinedInput()
    private var isTaking = false
    private var readIsHeld = false

    /// Bytes that the client had not taken when the deadline was set.
    private var unread = 0
    private var inputClosed = false
    private var quiescing = false
    private var closing = false
    /// Bytes have come of which no head has been seen yet.
    private var partialHead = false

    init(
        limits: HTTPLimits, connection: ClientConnection, door: any Door, budget: BodyBudget, box: LoopBox,
        connections: Connections
    ) {
        self.connections = connections
        self.limits = limits
        self.connection = connection
        self.door = door
        self.box = box
        body = RequestBody(budget: budget)
        output = ConnectionOutput(box: box)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        output.open(context) { [weak self] in self?.settle() }
        deadline.onExpiry = { [weak self] in self?.expired() }
        arm(limits.headMilliseconds, .head)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        gone()
        self.context = nil
        output.close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        gone()
        context.fireChannelInactive()
    }

    private func gone() {
        deadline.cancel()
        drop()
        connection.disconnected()
    }

    /// Nothing that has come is answered any more.
    private func drop() {
        reading = .discarding
        waiting.removeAll()
        body.drop()
        exchange?.close()
        exchange = nil
    }

    func read(context: ChannelHandlerContext) {
        // Nor while the client does not take what it was answered: else answers would pile up.
        if waiting.isEmpty, context.channel.isWritable { context.read() } else { readIsHeld = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { takeWaiting() }
        context.fireChannelWritabilityChanged()
    }

    /// Bytes have come, though perhaps no whole head yet.
    ///
    /// - Returns: false when nobody looks at them any more.
    func bytesArrived() -> Bool {
        if case .discarding = reading { return false }
        partialHead = true
        if exchange == nil, deadline.phase == .idle { arm(limits.headMilliseconds, .head) }
        return true
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        output.isInRead = true
        partialHead = false
        add(.part(unwrapInboundIn(data)))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        output.isInRead = false
        output.flush()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow:
            add(
                .failure(
                    status: 431,
                    detail:
                        "The head is longer than \(limits.headBytes) bytes or has more than \(limits.headFields) fields."
                ))
        case HTTPParserError.invalidEOFState:
            // The client closed within a request. Earlier ones may still want their answers.
            if exchange == nil || isReadingBody { closeSoon() }
        case is ByteToMessageDecoderError:
            // More bytes after a parse error, which is being answered; the deadline bounds it.
            break
        case is HTTPParserError:
            add(.failure(status: 400, detail: "The request is not valid HTTP/1.1."))
        default:
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            inputClosed = true
            connection.disconnected()
            // One that only half closes is answered now: it cannot be told from one that is gone.
            exchange?.gone()
            if exchange == nil, waiting.isEmpty { closeSoon() }
        case is ChannelShouldQuiesceEvent:
            quiescing = true
            if exchange == nil || isReadingBody { closeSoon() }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: Requests

    private var isReadingBody: Bool { if case .body = reading { true } else { false } }

    /// Whether the next input can be looked at now.
    private var isReady: Bool {
        switch reading {
        case .idle: exchange == nil && context?.channel.isWritable != false
        case .body, .skipping, .discarding: true
        case .whole: false
        }
    }

    /// Whether nothing that comes now is looked at.
    private var isDeaf: Bool { quiescing || waiting.hasOverflowed }

    /// Whether what waits is all that there will be.
    private var isLast: Bool { (inputClosed || isDeaf) && waiting.isEmpty }

    private func add(_ input: PipelinedInput.Item) {
        if isDeaf { return }
        if waiting.append(input) { takeWaiting() }
    }

    private func takeWaiting() {
        guard !isTaking else { return }
        isTaking = true
        while isReady, let input = waiting.popFirst() { take(input) }
        isTaking = false
        // The rest of this body will never be looked at.
        if isLast, isReadingBody { return closeSoon() }
        if waiting.isEmpty, readIsHeld, context?.channel.isWritable == true {
            readIsHeld = false
            context?.read()
        }
    }

    private func take(_ input: PipelinedInput.Item) {
        switch (input, reading) {
        case (_, .discarding), (_, .whole): break
        // Its request was answered before.
        case (.failure, .skipping): closeSoon()
        case (.failure(let status, let detail), _): refuse(Problem(status, detail))
        case (.part(.head(let head)), .idle): open(RequestHead(head, connection: connection))
        case (.part(.body(let bytes)), .body(_, _, let limit)): add(bytes, upTo: limit)
        case (.part(.end), .body(let request, let answer, _)): answerWhole(request, answer)
        case (.part(.body(let bytes)), .skipping(let left)):
            let left = left - bytes.readableBytes
            if left >= 0 { reading = .skipping(left) } else { closeSoon() }
        case (.part(.end), .skipping):
            reading = .idle
            if isLast { closeSoon() } else { settle() }
        case (.part, _): break
        }
    }

    private func open(_ head: RequestHead) {
        let opening =
            head.rejection.map { door.refuse(head.request, Problem($0.status, $0.detail)) } ?? door.open(head.request)
        let exchange = begin(
            opening, isHead: head.request.method == "HEAD", closes: head.closes || head.rejection != nil)
        switch opening.decision {
        case .refused(let response):
            skipBody(of: head, exchange)
            exchange.reply(response)
        case .letIn(let answer, let limit):
            reading = .body(head.request, answer, limit: limit)
            arm(limits.bodyMilliseconds(of: limit), .body)
            if head.expectsContinue { sendContinue() }
        }
    }

    private func begin(_ opening: Opening, isHead: Bool, closes: Bool) -> HTTPExchange {
        let exchange = HTTPExchange(
            opening.context, opening.style, isHead: isHead, closes: closes, handler: self, box: box, desk: door,
            connections: connections)
        self.exchange = exchange
        return exchange
    }

    /// What follows a head that is answered at once.
    private func skipBody(of head: RequestHead, _ exchange: HTTPExchange) {
        if head.rejection != nil || exchange.closes || head.expectsContinue
            || (head.request.declaredLength ?? 0) > limits.skippedBytes
        {
            exchange.closes = true
            reading = .discarding
        } else {
            reading = .skipping(limits.skippedBytes)
        }
    }

    private func sendContinue() {
        output.write(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n"))
    }

    private func add(_ bytes: ByteBuffer, upTo limit: Int) {
        guard body.count + bytes.readableBytes <= limit else { return refuse(.tooLarge(limit)) }
        guard body.add(bytes, of: exchange?.context.client) else { return refuse(.tooManyBodies) }
    }

    private func answerWhole(_ request: ServerRequest, _ answer: RouteAnswer) {
        guard let exchange else { return }
        reading = exchange.closes ? .discarding : .whole
        deadline.disarm()
        let bytes = body.take()
        switch answer {
        case .loop(let respond): respond(exchange, bytes)
        case .task(let handler):
            var request = request
            request.body = bytes
            exchange.run { [request, context = exchange.context] in try await handler(request, context) }
        }
    }

    /// Answers the present request, or the bytes that should have been one, with an error, and closes.
    private func refuse(_ problem: Problem) {
        reading = .discarding
        body.drop()
        if let exchange {
            exchange.closes = true
            exchange.fail(problem)
            return
        }
        let request = RequestHead(.init(status: problem.status, detail: problem.detail), connection: connection).request
        let opening = door.refuse(request, problem)
        let exchange = begin(opening, isHead: false, closes: true)
        if case .refused(let response) = opening.decision { exchange.reply(response) }
    }

    // MARK: Answers

    func reply(_ response: ServerResponse, to exchange: HTTPExchange) {
        guard exchange === self.exchange, let context else { return }
        let closes = closes(after: exchange)
        var buffer = context.channel.allocator.buffer(capacity: 512 + response.body.count)
        ResponseWriter.writeHead(
            response, .length(response.body.count), further: exchange.style.fields, closes: closes, into: &buffer)
        if !exchange.isHead { buffer.writeBytes(response.body) }
        finish(exchange, closes: closes, buffer)
    }

    func begin(_ head: ServerResponse, _ exchange: HTTPExchange) {
        guard exchange === self.exchange, let context else { return }
        exchange.closes = closes(after: exchange)
        var buffer = context.channel.allocator.buffer(capacity: 512)
        ResponseWriter.writeHead(
            head, .chunked, further: exchange.style.fields, closes: exchange.closes, into: &buffer)
        output.write(buffer)
    }

    func write(_ bytes: [UInt8], then: @escaping (Result<Void, any Error>) -> Void) {
        guard let context, !bytes.isEmpty else { return then(.success(())) }
        var buffer = context.channel.allocator.buffer(capacity: bytes.count + 16)
        ResponseWriter.writeChunk(bytes, into: &buffer)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete(then)
        output.write(buffer, promise)
    }

    func end(_ exchange: HTTPExchange) {
        guard exchange === self.exchange, let context else { return }
        var buffer = context.channel.allocator.buffer(capacity: 8)
        ResponseWriter.writeEnd(into: &buffer)
        finish(exchange, closes: closes(after: exchange), buffer)
    }

    /// An answer that cannot be brought to its end.
    func cut(_ exchange: HTTPExchange) {
        if exchange === self.exchange { context?.close(promise: nil) }
    }

    /// After a shutdown or the client's end of input those requests that came before are still answered.
    private func closes(after exchange: HTTPExchange) -> Bool {
        exchange.closes || isLast
    }

    private func finish(_ exchange: HTTPExchange, closes: Bool, _ buffer: ByteBuffer) {
        exchange.finish()
        body.drop()
        self.exchange = nil
        if closes {
            waiting.removeAll()
            reading = .discarding
            let written = context?.eventLoop.makePromise(of: Void.self)
            written?.futureResult.assumeIsolated().whenComplete { [self] _ in startClosing() }
            output.write(buffer, written)
            return
        }
        if case .whole = reading { reading = .idle }
        output.write(buffer)
        takeWaiting()
    }

    /// Ends the connection after the client has taken what it was answered.
    private func closeSoon() {
        drop()
        guard output.bytesLeft > 0, let context else { return startClosing() }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [self] _ in startClosing() }
        output.write(ByteBuffer(), written)
    }

    /// Sends FIN and reads on for a moment, so that a client that is still sending gets its answer and no reset.
    private func startClosing() {
        guard !closing, let context, context.channel.isActive else { return }
        closing = true
        guard !inputClosed, !quiescing else { return context.close(promise: nil) }
        arm(limits.lingerMilliseconds, .linger)
        context.close(mode: .output, promise: nil)
    }

    // MARK: Deadlines

    /// Sets the deadline that fits what the connection is at.
    private func settle() {
        // A body has its own deadline, whatever the client has not read yet.
        guard !closing, !(isReadingBody && deadline.phase == .body) else { return }
        unread = output.bytesLeft
        if unread > 0 {
            arm(quiescing ? limits.lastFlushMilliseconds : limits.flushMilliseconds, .flush)
        } else if isReadingBody || exchange != nil {
            if deadline.phase == .flush || deadline.phase == .idle { deadline.disarm() }
        } else if case .skipping = reading {
            arm(limits.bodyMilliseconds, .body)
        } else if partialHead {
            arm(limits.headMilliseconds, .head)
        } else {
            arm(limits.idleMilliseconds, .idle)
        }
    }

    private func arm(_ milliseconds: Int64, _ phase: Deadline.Phase) {
        guard let context else { return }
        deadline.arm(phase, milliseconds: milliseconds, on: context.eventLoop)
    }

    private func expired() {
        switch deadline.phase {
        case .head where partialHead: refuse(Problem(408, "The request took too long to arrive."))
        case .body where isReadingBody: refuse(Problem(408, "The request took too long to arrive."))
        case .flush where output.bytesLeft < unread: settle()
        case .head, .body, .idle, .flush, .linger: context?.close(promise: nil)
        case .none: break
        }
    }
}

extension Problem {
    fileprivate static let tooManyBodies = Problem(
        503, "Too many large bodies are being sent at once; try again.", kind: "bodies-busy",
        headers: [("Retry-After", "1")])
}
