internal import ArgumentParser
internal import Glibc
internal import PayloadSchema
internal import ServerHost

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves the manifest's functions until SIGTERM.",
        discussion: """
            When it can serve, it prints one line on stderr: "sluice ready http://…".
            The first SIGTERM or Ctrl-C lets running attempts finish (server.shutdownGrace), the second ends at once.

            EXAMPLES
              sluice serve
              sluice serve --manifest staging/functions.yaml --database sqlite:/var/lib/sluice/sluice.db
              PORT=8080 LOG_LEVEL=debug sluice serve

            Every option has an environment variable; a .env beside the manifest is read too.
            """)

    @OptionGroup var options: ServeOptions

    func run() async throws { try await options.serve(isDev: false) }
}

struct DevCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev",
        abstract: "Serves for development: reloads loud, a readable log, a webhook sink.",
        discussion: """
            As "sluice serve", and: every reload tells what changed or what is wrong, in full; every request and attempt is a
            line; callers' URLs may lead to this machine; /dev/sink/NAME shows and verifies webhooks that are sent to it, and
            fails when told to: /dev/sink/NAME?status=500&times=2&delay=2s

            EXAMPLES
              sluice init && sluice dev
              curl -s localhost:3000/dev/sink/mail | jq
            """)

    @OptionGroup var options: ServeOptions

    func run() async throws { try await options.serve(isDev: true) }
}

/// What both ways to serve take.
struct ServeOptions: ParsableArguments {
    @Option(help: "The port; 0 for any free one (PORT, default 3000).")
    var port: Int?

    @Option(help: "The address to listen on (SLUICE_HOST, default 127.0.0.1).")
    var host: String?

    @Option(help: "The manifest (SLUICE_MANIFEST, default functions.yaml).")
    var manifest: String?

    @Option(help: "The folder for secrets and server.json (SLUICE_DATA, default: where the database is).")
    var data: String?

    @Option(help: "The database (DATABASE_URL, default sqlite:sluice.db).")
    var database: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical (LOG_LEVEL, default info).")
    var logLevel: String?

    @Option(help: "json or text (LOG_FORMAT, default: text on a terminal, else json).")
    var logFormat: String?

    func serve(isDev: Bool) async throws {
        // Whatever is made from here on is for this user alone, by what library ever.
        umask(0o077)
        let log = LogStream(reader: .onStandardError)
        // The process ends after this, whether somebody reads its log or not.
        defer { log.flush() }
        do {
            try await Server(Settings(flags(isDev: isDev)), log: log).run()
        } catch let problem as SettingsProblem {
            log.write("error: \(problem.text.escapedForTerminal())\n")
            throw ExitStatus.configuration
        } catch let refusal as StartRefusal {
            log.write(refusal.text.escapedForTerminal(keepingLayout: true))
            throw ExitStatus.of(refusal.cause)
        }
    }

    private func flags(isDev: Bool) -> Settings.Flags {
        var flags = Settings.Flags()
        flags.port = port
        flags.host = host
        flags.manifest = manifest
        flags.data = data
        flags.database = database
        flags.logLevel = logLevel
        flags.logFormat = logFormat
        flags.isDev = isDev
        return flags
    }
}
