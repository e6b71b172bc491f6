internal import ServiceLifecycle
internal import Timing

/// A service that starts when the server listens: no attempt starts while it may still turn out that it cannot.
struct StartedLater: Service {
    let service: any Service
    let open = OneShot<Void>()

    func run() async throws {
        guard await cancelWhenGracefulShutdown({ await open.value() }) != nil else { return }
        try await service.run()
    }
}
