internal import DequeModule
internal import JobModel
internal import NIOCore
internal import NIOHTTP1

/// The last handler of a connection: requests in, answers out, and every deadline.
///
/// A request is looked at when its head is there, and one is answered at a time, in order: pipelined answers cannot overtake
/// each other, a refusal included. What comes meanwhile waits here, and nothing more is read.
final class ConnectionHandler: ChannelDuplexHandler, ExchangeHost, Flushing {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    private enum Input {
        case part(HTTPServerRequestPart)
        /// What the decoder made of bytes that are not HTTP.
        case failure(status: Int, detail: String)
    }

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
    private let budget: BodyBudget
    private let box: LoopBox
    private let connections: Connections
    private var context: ChannelHandlerContext?
    private var deadline = Deadline()

    private var reading = Reading.idle
    private var exchange: HTTPExchange?
    private var body: [UInt8] = []
    /// Bytes of the body that the budget has counted.
    private var budgeted = 0
    private var waiting: Deque<Input> = []
    private var isTaking = false
    private var readIsHeld = false

    private var isInRead = false
    private var needsFlush = false
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
        self.budget = budget
        self.box = box
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        deadline.onExpiry = { [weak self] in self?.expired() }
        arm(limits.headMilliseconds, .head)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        gone()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        gone()
        context.fireChannelInactive()
    }

    private func gone() {
        deadline.cancel()
        reading = .discarding
        waiting = []
        dropBody()
        exchange?.close()
        exchange = nil
        connection.disconnected()
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
        isInRead = true
        partialHead = false
        add(.part(unwrapInboundIn(data)))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isInRead = false
        if needsFlush { flush() }
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
            if exchange == nil || isReadingBody { context.close(promise: nil) }
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
            if exchange == nil, waiting.isEmpty { context.close(promise: nil) }
        case is ChannelShouldQuiesceEvent:
            quiescing = true
            if exchange == nil || isReadingBody { context.close(promise: nil) }
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

    private func add(_ input: Input) {
        if quiescing { return }
        waiting.append(input)
        takeWaiting()
    }

    private func takeWaiting() {
        guard !isTaking else { return }
        isTaking = true
        while isReady, let input = waiting.popFirst() { take(input) }
        isTaking = false
        if waiting.isEmpty, readIsHeld, context?.channel.isWritable == true {
            readIsHeld = false
            context?.read()
        }
    }

    private func take(_ input: Input) {
        switch (input, reading) {
        case (_, .discarding), (_, .whole): break
        case (.failure(let status, let detail), _): refuse(Problem(status, detail))
        case (.part(.head(let head)), .idle): open(RequestHead(head, connection: connection))
        case (.part(.body(let bytes)), .body(_, _, let limit)): add(bytes, upTo: limit)
        case (.part(.end), .body(let request, let answer, _)): answerWhole(request, answer)
        case (.part(.body(let bytes)), .skipping(let left)):
            let left = left - bytes.readableBytes
            if left >= 0 { reading = .skipping(left) } else { context?.close(promise: nil) }
        case (.part(.end), .skipping):
            reading = .idle
            settle()
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
        write(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n"))
    }

    private func add(_ bytes: ByteBuffer, upTo limit: Int) {
        let count = body.count + bytes.readableBytes
        guard count <= limit else { return refuse(.tooLarge(limit)) }
        if count > HTTPLimits.smallBody {
            guard budget.take(count - budgeted, of: sharer) else { return refuse(.tooManyBodies) }
            budgeted = count
        }
        body.append(contentsOf: bytes.readableBytesView)
    }

    /// Whose share of the budget a body counts in.
    private var sharer: String? { exchange.flatMap { $0.context.client.isStranger ? $0.context.client.text : nil } }

    private func answerWhole(_ request: ServerRequest, _ answer: RouteAnswer) {
        guard let exchange else { return }
        reading = exchange.closes ? .discarding : .whole
        deadline.disarm()
        let bytes = body
        body = []
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
        dropBody()
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

    private func dropBody() {
        body = []
        budget.giveBack(budgeted, of: sharer)
        budgeted = 0
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
        write(buffer)
    }

    func write(_ bytes: [UInt8], then: @escaping (Result<Void, any Error>) -> Void) {
        guard let context, !bytes.isEmpty else { return then(.success(())) }
        var buffer = context.channel.allocator.buffer(capacity: bytes.count + 16)
        ResponseWriter.writeChunk(bytes, into: &buffer)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete(then)
        write(buffer, promise)
    }

    func end(_ exchange: HTTPExchange) {
        guard exchange === self.exchange, let context else { return }
        var buffer = context.channel.allocator.buffer(capacity: 8)
        ResponseWriter.writeEnd(into: &buffer)
        finish(exchange, closes: exchange.closes || quiescing, buffer)
    }

    /// An answer that cannot be brought to its end.
    func cut(_ exchange: HTTPExchange) {
        if exchange === self.exchange { context?.close(promise: nil) }
    }

    /// After a shutdown or the client's end of input those requests that came before are still answered.
    private func closes(after exchange: HTTPExchange) -> Bool {
        exchange.closes || ((inputClosed || quiescing) && waiting.isEmpty)
    }

    private func finish(_ exchange: HTTPExchange, closes: Bool, _ buffer: ByteBuffer) {
        exchange.finish()
        dropBody()
        self.exchange = nil
        if closes {
            waiting = []
            if !isDiscarding { reading = .discarding }
            let written = context?.eventLoop.makePromise(of: Void.self)
            written?.futureResult.assumeIsolated().whenComplete { [self] _ in startClosing() }
            write(buffer, written)
            return
        }
        if case .whole = reading { reading = .idle }
        write(buffer)
        takeWaiting()
    }

    private var isDiscarding: Bool { if case .discarding = reading { true } else { false } }

    private func write(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(buffer), promise: promise)
        if isInRead {
            needsFlush = true
        } else if !needsFlush {
            needsFlush = true
            box.flush(self)
        }
    }

    func flush() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
        settle()
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

    /// Bytes of answers that the client has not taken yet.
    private var bytesLeft: Int {
        ((try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? nil) ?? 0
    }

    /// Sets the deadline that fits what the connection is at.
    private func settle() {
        // A body has its own deadline, whatever the client has not read yet.
        guard !closing, !(isReadingBody && deadline.phase == .body) else { return }
        unread = bytesLeft
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
        case .flush where bytesLeft < unread: settle()
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
