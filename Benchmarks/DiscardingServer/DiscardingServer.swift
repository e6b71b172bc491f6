import Glibc
import ServerHost

/// Serves like `sluice serve`, with a store that accepts and forgets: what a call costs without its storage. For
/// Benchmarks/; takes its settings from the environment alone, and wants a folder of its own.
@main
enum DiscardingServer {
    static func main() async {
        let log = LogStream(reader: .program)
        let status = await serve(log)
        log.flush()
        exit(status)
    }

    private static func serve(_ log: LogStream) async -> Int32 {
        do {
            let settings = try Settings(Settings.Flags())
            log.write("nothing is kept: every job is accepted and forgotten\n")
            try await Server(settings, log: log, openStore: { _, _, _ in DiscardingStore() }).run()
            return 0
        } catch let problem as SettingsProblem {
            log.write("error: \(problem.text)\n")
        } catch let refusal as StartRefusal {
            log.write(refusal.text)
        } catch {
            log.write("error: \(error)\n")
        }
        return 1
    }
}
