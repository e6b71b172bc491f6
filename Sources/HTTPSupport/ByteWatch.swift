internal import NIOCore

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
        if handler.bytesArrived() { context.fireChannelRead(data) }
    }
}
