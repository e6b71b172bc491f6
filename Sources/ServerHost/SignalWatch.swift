internal import Glibc
internal import ServiceLifecycle
internal import UnixSignals

/// The service group ends gracefully at the first SIGTERM or SIGINT; a second one ends the process at once.
struct SignalWatch: Service {
    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        // First in the group, so that it is told last to stop and sees signals as long as others drain.
        await cancelWhenGracefulShutdown {
            var count = 0
            for await signal in signals {
                count += 1
                if count > 1 { _exit(signal == .sigint ? 130 : 143) }
            }
        }
    }
}
