internal import JobModel
internal import NIOCore
internal import NIOHTTP1

/// One reply, or a piece of one, on its way to the client.
enum OutboundMessage: Sendable {
    case response(ServerResponse)
    case streamHead(ServerResponse)
    case streamPiece([UInt8])
    case streamEnd
}

/// The last handler of a connection: whole requests to the request loop, replies back, and every deadline.
///
/// Requests reach the loop in order and the loop answers one after the other, so pipelined answers cannot overtake
/// each other, a refusal included.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = ServerRequest
    typealias OutboundIn = OutboundMessage
    typealias OutboundOut = HTTPServerResponsePart

    private let limits: HTTPLimits
    private let connection: ClientConnection
    private var assembler: RequestAssembler
    private var deadline = Deadline()
    /// Requests delivered and not yet answered, the oldest first: whether it was a HEAD, whether its answer closes.
    private var unanswered: [(isHead: Bool, closes: Bool)] = []
    private var inputClosed = false
    private var quiescing = false
    private var closing = false
    /// Writes that the client has not taken yet.
    private var pendingWrites = 0
    /// Bytes have come of which no head has been seen yet.
    private var partialHead = false

    init(limits: HTTPLimits, connection: ClientConnection) {
        self.limits = limits
        self.connection = connection
        assembler = RequestAssembler(limits: limits, connection: connection)
    }

    // MARK: Reading

    func handlerAdded(context: ChannelHandlerContext) {
        deadline.onExpiry = { [weak self] in self?.expired(context: context) }
        arm(limits.headMilliseconds, .head, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline.cancel()
        connection.disconnected()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline.cancel()
        connection.disconnected()
        context.fireChannelInactive()
    }

    /// Bytes have come, though perhaps no whole head yet.
    ///
    /// - Returns: false when nobody looks at them any more.
    func bytesArrived(context: ChannelHandlerContext) -> Bool {
        if assembler.isDiscarding { return false }
        partialHead = true
        if unanswered.isEmpty, deadline.phase == .idle { arm(limits.headMilliseconds, .head, context) }
        return true
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            partialHead = false
            perform(assembler.head(head), context)
            if unanswered.isEmpty { armForNextRequest(context) }
        case .body(let bytes):
            partialHead = false
            perform(assembler.body(bytes), context)
        case .end:
            partialHead = false
            perform(assembler.end(), context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow:
            let detail =
                "The head is longer than \(limits.headBytes) bytes or has more than \(limits.headFields) fields."
            perform(assembler.fail(.init(status: 431, detail: detail)), context)
        case HTTPParserError.invalidEOFState:
            // The client closed within a request. Earlier ones may still want their answers.
            if unanswered.isEmpty { context.close(promise: nil) }
        case is ByteToMessageDecoderError:
            // More bytes after a parse error, which is being answered; the deadline bounds it.
            break
        case is HTTPParserError:
            perform(assembler.fail(.init(status: 400, detail: "The request is not valid HTTP/1.1.")), context)
        default:
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            inputClosed = true
            connection.disconnected()
            if unanswered.isEmpty { context.close(promise: nil) }
        case is ChannelShouldQuiesceEvent:
            quiescing = true
            assembler.discard()
            if unanswered.isEmpty { context.close(promise: nil) }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private func perform(_ action: RequestAssembler.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .deliver(let request):
            unanswered.append((request.method == "HEAD", assembler.closes))
            if pendingWrites == 0 { deadline.disarm() }
            context.fireChannelRead(wrapInboundOut(request))
        case .sendContinue where !unanswered.isEmpty:
            // It would overtake an answer; the client sends its body after a moment anyway.
            break
        case .sendContinue:
            let head = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        case .none:
            break
        }
    }

    // MARK: Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .response(let response):
            writeHead(response, length: response.body.count, context)
            if !response.body.isEmpty, unanswered.first?.isHead != true {
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
            }
            finish(context, promise)
        case .streamHead(let response):
            writeHead(response, length: nil, context)
            promise?.succeed()
        case .streamPiece(let bytes):
            let written = willWrite(context, promise)
            written.futureResult.assumeIsolated().whenComplete { _ in
                self.pendingWrites -= 1
                if self.pendingWrites == 0 { self.deadline.disarm() }
            }
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: written)
        case .streamEnd:
            finish(context, promise)
        }
    }

    private func writeHead(_ response: ServerResponse, length: Int?, _ context: ChannelHandlerContext) {
        var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: response.status))
        head.headers.reserveCapacity(response.headers.count + 4)
        // No line break goes out, whatever a value was made of.
        for (name, value) in response.headers where HTTPHeaderRules.isValue(value) {
            head.headers.add(name: name, value: value)
        }
        head.headers.add(name: "Date", value: DateField.value)
        if let length { head.headers.add(name: "Content-Length", value: String(length)) }
        if closesAfterThis { head.headers.add(name: "Connection", value: "close") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    /// The answer that is being written is the connection's last. After a shutdown or the client's end of input those
    /// requests that were delivered before are still answered.
    private var closesAfterThis: Bool {
        unanswered.first?.closes == true || ((inputClosed || quiescing) && unanswered.count <= 1)
    }

    private func willWrite(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) -> EventLoopPromise<
        Void
    > {
        pendingWrites += 1
        arm(limits.flushMilliseconds, .flush, context)
        return promise ?? context.eventLoop.makePromise()
    }

    private func finish(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        let closes = closesAfterThis
        if !unanswered.isEmpty { unanswered.removeFirst() }
        let written = willWrite(context, promise)
        let channel = context.channel
        written.futureResult.assumeIsolated().whenComplete { _ in
            self.pendingWrites -= 1
            guard channel.isActive, !self.closing else { return }
            if closes {
                self.startClosing(context)
            } else if self.pendingWrites == 0 {
                if self.unanswered.isEmpty { self.armForNextRequest(context) } else { self.deadline.disarm() }
            }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: written)
    }

    /// Sends FIN and reads on for a moment, so that a client that is still sending gets its answer and no reset.
    private func startClosing(_ context: ChannelHandlerContext) {
        closing = true
        guard !inputClosed, assembler.isDiscarding else {
            context.close(promise: nil)
            return
        }
        arm(limits.lingerMilliseconds, .linger, context)
        context.close(mode: .output, promise: nil)
    }

    // MARK: Deadlines

    /// Nothing is being answered: the deadline is that of what the client has begun.
    private func armForNextRequest(_ context: ChannelHandlerContext) {
        if assembler.isReadingBody {
            arm(limits.bodyMilliseconds, .body, context)
        } else if partialHead {
            arm(limits.headMilliseconds, .head, context)
        } else {
            arm(limits.idleMilliseconds, .idle, context)
        }
    }

    private func arm(_ milliseconds: Int64, _ phase: Deadline.Phase, _ context: ChannelHandlerContext) {
        deadline.arm(phase, milliseconds: milliseconds, on: context.eventLoop)
    }

    private func expired(context: ChannelHandlerContext) {
        switch deadline.phase {
        case .head where partialHead, .body:
            let detail = "The request took too long to arrive."
            perform(assembler.fail(.init(status: 408, detail: detail)), context)
            // Outside a read nobody else says that this was all.
            context.fireChannelReadComplete()
        case .head, .idle, .flush, .linger:
            context.close(promise: nil)
        case .none:
            break
        }
    }
}

/// Stands in front of the decoder and tells the connection handler that bytes have come: a head may be under way for
/// a long time before the decoder says anything. What nobody looks at any more ends here, for a decoder that has
/// stopped would collect it.
final class ByteWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let handler: ConnectionHandler

    init(_ handler: ConnectionHandler) {
        self.handler = handler
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if handler.bytesArrived(context: context) { context.fireChannelRead(data) }
    }
}
