internal import HummingbirdCore
package import Logging
package import NIOCore
internal import ServiceLifecycle

/// The listening server as a service.
package struct HTTPServer: Service {
    private let server: any Service

    /// - Parameters:
    ///   - port: 0 for any free one.
    ///   - onListening: called once with the port that was bound.
    package init(
        responder: any Responder, limits: HTTPLimits, connections: ConnectionCount, host: String, port: Int,
        group: any EventLoopGroup,
        logger: Logger, onListening: @escaping @Sendable (Int) async -> Void
    ) {
        var quiet = logger
        // Its own "Server started" would say what the readiness line says.
        quiet.logLevel = max(logger.logLevel, .warning)
        server = HTTPChannel(responder: responder, limits: limits, connections: connections).server(
            configuration: ServerConfiguration(
                address: .hostname(host, port: port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: .maximum(limits.connections, logger: quiet)),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? port) },
            eventLoopGroup: group, logger: quiet)
    }

    package func run() async throws { try await server.run() }
}
