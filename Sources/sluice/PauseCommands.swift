internal import ArgumentParser
internal import JobModel
internal import NIOHTTP1

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stops starting jobs of a function; it goes on accepting them.",
        discussion: "The pause survives restarts.\n\nEXAMPLE\n  sluice pause send-email")

    @OptionGroup var options: ServerOptions
    @Argument(help: "The function.") var function: String

    func run() async throws { try await reporting { try await setPaused(true, function, options) } }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Starts jobs of a paused function again.",
        discussion: "EXAMPLE\n  sluice resume send-email")

    @OptionGroup var options: ServerOptions
    @Argument(help: "The function.") var function: String

    func run() async throws { try await reporting { try await setPaused(false, function, options) } }
}

private func setPaused(_ paused: Bool, _ function: String, _ options: ServerOptions) async throws {
    let server = try options.connect()
    let reply = try await server.call(
        .POST, "/v1/functions/\(Template.percentEncoded(function))/\(paused ? "pause" : "resume")")
    if options.json { Console.json(reply) } else { Console.line("\(function) \(paused ? "paused" : "resumed")") }
}
