internal import ArgumentParser
internal import ServerHost

@main
struct Sluice: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "Runs functions that are declared, not coded.",
        discussion: """
            functions.yaml names job types with their timeouts, retry policies and handlers; \
            "sluice serve" turns each into an asynchronous HTTP endpoint.

            EXAMPLES
              sluice init && sluice dev          begin, and see what happens
              sluice check                       look over functions.yaml, all mistakes at once
              sluice serve                       serve it on http://127.0.0.1:3000
              sluice serve --port 8080           on another port
              sluice status                      what runs, waits and fails
              sluice jobs show ID                one job, and why it is not running
              curl -i --json '{"to":"a@example.com"}' localhost:3000/api/v1/send-email
            """,
        version: Version.number,
        subcommands: [
            ServeCommand.self, DevCommand.self, InitCommand.self, CheckCommand.self, SchemaCommand.self,
            InvokeCommand.self, JobsCommand.self, StatusCommand.self,
            PauseCommand.self, ResumeCommand.self, ReloadCommand.self, AccountCommand.self, BackupCommand.self,
        ])
}
