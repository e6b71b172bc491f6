internal import JobModel
internal import NIOCore
internal import NIOHTTP1

/// What every connection of a server has in common.
///
/// The pipeline, in order: byte watch, request decoder (whose leftovers go on, for an upgrade), `ConnectionHandler`.
struct ConnectionSetup: Sendable {
    let door: any Door
    let limits: HTTPLimits
    let budget: BodyBudget
    let connections: Connections

    /// Called on the channel's event loop.
    func install(on channel: any Channel, from peer: IPAddress?, box: LoopBox) throws {
        // A connection keeps its buffer while it is open: small ones for the many that wait, larger where bodies come.
        try? channel.syncOptions?.setOption(
            .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 256, initial: 256, maximum: 65_536))
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderFieldSize = limits.headBytes
        decoderLimits.maxHeaderListSize = limits.headBytes
        decoderLimits.maxHeaderFieldCount = limits.headFields
        let decoder = HTTPRequestDecoder(
            leftOverBytesStrategy: .forwardBytes, informationalResponseStrategy: .drop,
            limitConfiguration: decoderLimits)
        let handler = ConnectionHandler(
            limits: limits, connection: ClientConnection(peer: peer), door: door, budget: budget, box: box,
            connections: connections)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(ByteWatch(handler))
        // The decoder buffers partial heads only; bodies pass through it.
        try pipeline.addHandler(ByteToMessageHandler(decoder, maximumBufferSize: limits.headBytes * 4))
        try pipeline.addHandler(handler)
    }
}
