internal import JobModel
package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// The listening server as a service.
package struct HTTPServer: Service {
    private let setup: ConnectionSetup
    private let connections: Connections
    private let host: String
    private let port: Int
    private let grace: @Sendable () -> Duration
    private let onListening: @Sendable (Int) async -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - port: 0 for any free one.
    ///   - grace: how long connections may take to end after a shutdown has begun.
    ///   - onListening: called once with the port that was bound; nothing is answered before it returns.
    package init(
        door: any Door, limits: HTTPLimits, connections: Connections, budget: BodyBudget = BodyBudget(), host: String,
        port: Int, grace: @escaping @Sendable () -> Duration, logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void
    ) {
        setup = ConnectionSetup(door: door, limits: limits, budget: budget, connections: connections)
        self.connections = connections
        self.host = host
        self.port = port
        self.grace = grace
        self.onListening = onListening
        self.logger = logger
    }

    package func run() async throws {
        // The writer's thread and handlers want the other half. The loops live as long as the process: what is still under way
        // after the last connection has closed may have something to say to them.
        try await serve(
            on: MultiThreadedEventLoopGroup(numberOfThreads: max(1, min(8, System.coreCount / 2))))
    }

    private func serve(on group: MultiThreadedEventLoopGroup) async throws {
        var boxes: [ObjectIdentifier: LoopBox] = [:]
        for loop in group.makeIterator() {
            boxes[ObjectIdentifier(loop)] = try await loop.submit { LoopBox(loop: loop) }.get()
        }
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Connections wait in the backlog until everything is in its place.
            .serverChannelOption(.autoRead, value: false)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // What comes while a request is answered waits: at most what one read brings.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { [setup, connections, boxes] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let box = boxes[ObjectIdentifier(channel.eventLoop)] else { return }
                    let peer = channel.remoteAddress?.ipAddress.flatMap(IPAddress.init)
                    guard connections.admit(channel, from: peer) else {
                        channel.close(promise: nil)
                        return
                    }
                    channel.closeFuture.whenComplete { _ in connections.closed(channel, from: peer) }
                    try setup.install(on: channel, from: peer, box: box)
                }
            }
            .bind(host: host, port: port).get()
        await onListening(listener.localAddress?.port ?? port)
        try await listener.setOption(.autoRead, value: true).get()
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await listener.closeFuture.get()
        } onCancelOrGracefulShutdown: {
            listener.close(promise: nil)
        }
        connections.quiesce()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await connections.allClosed() }
            tasks.addTask { [grace] in
                try? await Task.sleep(for: grace())
                connections.closeAll()
            }
            await tasks.next()
            tasks.cancelAll()
        }
    }
}
