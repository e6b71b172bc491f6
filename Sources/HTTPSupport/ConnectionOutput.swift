internal import NIOCore

/// Writes to a connection, and flushes once for all that is written together. Used on the connection's event loop only.
final class ConnectionOutput: Flushing {
    /// Bytes are being read: what is written meanwhile is flushed at the end of that.
    var isInRead = false
    private let box: LoopBox
    private var context: ChannelHandlerContext?
    private var needsFlush = false
    private var onFlush: () -> Void = {}

    init(box: LoopBox) { self.box = box }

    /// - Parameter onFlush: called after each flush.
    func open(_ context: ChannelHandlerContext, onFlush: @escaping () -> Void) {
        self.context = context
        self.onFlush = onFlush
    }

    func close() {
        context = nil
        onFlush = {}
    }

    func write(_ buffer: ByteBuffer, _ promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(NIOAny(buffer), promise: promise)
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
        onFlush()
    }

    /// Bytes that the system has not taken yet.
    var bytesLeft: Int {
        ((try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? nil) ?? 0
    }
}
