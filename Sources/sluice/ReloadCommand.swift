internal import ArgumentParser
internal import NIOHTTP1
internal import PayloadSchema

struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Makes the server read its manifest again, and tells what changed.",
        discussion: """
            The server does so by itself when the file changes. A manifest with mistakes is not taken: the last good
            revision stays, and the mistakes are told (exit 78).

            EXAMPLES
              sluice reload
              sluice reload --dry-run        what would change
            """)

    @OptionGroup var options: ServerOptions

    @Flag(help: "Only tell what would change.")
    var dryRun = false

    func run() async throws {
        try await reporting {
            let server = try options.connect()
            let reply = try await server.send(.POST, "/v1/reload" + (dryRun ? "?dryRun=true" : ""))
            try ReloadAnswerText.tell(reply, json: options.json)
        }
    }
}

/// What a server says to a reload or a dry run.
enum ReloadAnswerText {
    static func tell(_ reply: ServerConnection.Reply, json: Bool) throws {
        let wasRefused = reply.status == 422 && reply.body["text"] != nil
        guard reply.isSuccess || wasRefused else { throw ServerConnection.failure(reply, "/v1/reload") }
        if json {
            Console.json(reply.body)
        } else if wasRefused {
            StandardError.write(
                "\(laidOut: reply.body["text"]?.string.map { $0.hasSuffix("\n") ? $0 : $0 + "\n" } ?? "")")
        } else {
            Console.line(text(reply.body))
        }
        if wasRefused { throw ExitStatus.configuration }
    }

    private static func text(_ report: JSONValue) -> TerminalText {
        let result = report["result"]?.string ?? ""
        let revision = report["revision"]?.string ?? ""
        guard case .array(let summary)? = report["summary"] else { return "\(result)" }
        let lines: [TerminalText] = summary.map { "  \($0.string ?? "")" }
        let former = report["formerRevision"]?.string ?? ""
        let since = report["loadedAt"]?.string
        let head: TerminalText =
            switch result {
            case "reloaded": "reloaded, revision \(former) → \(revision)"
            case "checked" where revision == former: "nothing would change, revision \(revision) is in force"
            case "checked": "would reload, revision \(former) → \(revision)"
            default: "unchanged, revision \(revision)\(since.map { ", in force since \($0)" } ?? "")"
            }
        return ([head] + lines).joined(separator: "\n")
    }
}
