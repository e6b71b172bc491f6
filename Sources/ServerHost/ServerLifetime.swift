internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Runs what a server consists of until a signal, and ends it in order.
struct ServerLifetime {
    /// They shut down from the last to the first.
    let services: [any Service]
    let logger: Logger

    func run() async throws {
        var configuration = ServiceGroupConfiguration(
            services: ([SignalWatch()] + services).map { .init(service: $0, failureTerminationBehavior: .cancelGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quietLogger)
        configuration.cancellationSignals = []
        try await ServiceGroup(configuration: configuration).run()
    }

    /// The service group says at info what our own lines say better.
    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        return quiet
    }
}
