internal import ArgumentParser

@main
struct Sluice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "Runs functions that are declared, not coded.",
        discussion: """
            functions.yaml names job types with their timeouts, retry policies and handlers; \
            "sluice serve" turns each into an asynchronous HTTP endpoint.

            EXAMPLES
              sluice check                       look over functions.yaml, all mistakes at once
              sluice serve                       serve it on http://127.0.0.1:3000
              sluice serve --port 8080           on another port
              curl -i --json '{"to":"a@example.com"}' localhost:3000/api/v1/send-email
            """,
        version: Version.number,
        subcommands: [ServeCommand.self, CheckCommand.self])
}

enum Version {
    static let number = "0.1.0"
}

/// The exit codes of CONTRACT 9.
enum ExitStatus {
    static let failure = ExitCode(1)
    /// The database is in use.
    static let temporary = ExitCode(75)
    /// Manifest or settings are wrong.
    static let configuration = ExitCode(78)
}
