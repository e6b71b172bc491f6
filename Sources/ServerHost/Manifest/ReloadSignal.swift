internal import ServiceLifecycle
internal import UnixSignals

/// SIGHUP reloads the manifest.
struct ReloadSignal: Service {
    let reloader: Reloader

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        await cancelWhenGracefulShutdown {
            for await _ in signals { _ = await reloader.reload() }
        }
    }
}
