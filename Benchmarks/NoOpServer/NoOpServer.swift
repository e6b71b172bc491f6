import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// The least that an HTTP server on SwiftNIO can do: it reads a request whole and answers 202 with fixed bytes. What
/// Sluice is measured against. For Benchmarks/; `LOOPS` in the environment says how many event loops it has.
@main
enum NoOpServer {
    static func main() throws {
        let loops = ProcessInfo.processInfo.environment["LOOPS"].flatMap { Int($0) } ?? System.coreCount
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        let channel = try ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline()
                    try pipeline.addHandler(NoOpHandler())
                }
            }
            .bind(host: "127.0.0.1", port: 0).wait()
        let line = "sluice ready http://127.0.0.1:\(channel.localAddress?.port ?? 0)\n\n"
        FileHandle.standardError.write(Data(line.utf8))
        signal(SIGTERM) { _ in exit(0) }
        try channel.closeFuture.wait()
    }
}

private final class NoOpHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private static let body = ByteBuffer(
        string: #"{"queueId":"accept","jobId":"01a21805-572f-7000-83b5-b2af97cf7a91"}"#)

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .end = unwrapInboundIn(data) else { return }
        let headers: HTTPHeaders = [
            "Content-Type": "application/json", "Content-Length": "\(Self.body.readableBytes)",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: .accepted, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(Self.body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
}
