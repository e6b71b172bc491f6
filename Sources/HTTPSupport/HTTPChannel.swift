internal import HummingbirdCore
internal import JobModel
package import Logging
package import NIOCore
internal import NIOHTTP1

/// Answers requests; never throws, for whatever happens becomes a response.
package protocol Responder: Sendable {
    func respond(to request: ServerRequest) async -> ServerReply
}

/// The child channel of Sluice's HTTP server.
///
/// In order: response encoder, byte watch, request decoder (whose leftovers go on, for a future upgrade),
/// `ConnectionHandler`. Whole requests come out of it, so one task a connection answers them in order.
package struct HTTPChannel: ServerChildChannel {
    package struct Value: ServerChildChannelValue {
        let messages: NIOAsyncChannel<ServerRequest, OutboundMessage>
        package var channel: any Channel { messages.channel }
    }

    private let responder: any Responder
    private let limits: HTTPLimits
    private let connections: ConnectionCount

    package init(responder: any Responder, limits: HTTPLimits, connections: ConnectionCount) {
        self.connections = connections
        self.responder = responder
        self.limits = limits
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            // A connection keeps its buffer while it is open: small ones for the many that wait, larger where bodies come.
            try channel.syncOptions?.setOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 256, initial: 256, maximum: 65_536))
            try Self.install(on: channel, limits: limits)
            return Value(
                messages: try NIOAsyncChannel(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: false)))
        }
    }

    /// Tests install the same handlers on an embedded channel.
    static func install(on channel: any Channel, limits: HTTPLimits) throws {
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderFieldSize = limits.headBytes
        decoderLimits.maxHeaderListSize = limits.headBytes
        decoderLimits.maxHeaderFieldCount = limits.headFields
        let decoder = HTTPRequestDecoder(
            leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .drop,
            limitConfiguration: decoderLimits)
        let connection = ClientConnection(
            peer: channel.remoteAddress?.ipAddress.flatMap(IPAddress.init), eventLoop: channel.eventLoop)
        let handler = ConnectionHandler(limits: limits, connection: connection)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTPResponseEncoder())
        try pipeline.addHandler(ByteWatch(handler))
        // The decoder buffers partial heads only; bodies pass through it.
        try pipeline.addHandler(ByteToMessageHandler(decoder, maximumBufferSize: limits.headBytes * 4))
        try pipeline.addHandler(handler)
    }

    package func handle(value: Value, logger: Logger) async {
        connections.change(by: 1)
        defer { connections.change(by: -1) }
        do {
            try await value.messages.executeThenClose { inbound, outbound in
                for try await request in inbound {
                    switch await responder.respond(to: request) {
                    case .response(let response):
                        try await outbound.write(.response(response))
                    case .stream(let head, let body):
                        try await outbound.write(.streamHead(head))
                        try await body(StreamWriter { try await outbound.write(.streamPiece($0)) })
                        try await outbound.write(.streamEnd)
                    }
                }
            }
        } catch {
            logger.trace("Connection ended", metadata: ["error": "\(error)"])
        }
    }
}
