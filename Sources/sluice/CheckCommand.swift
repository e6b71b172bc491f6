internal import ArgumentParser
internal import FoundationEssentials
internal import FunctionManifest
internal import JobModel
internal import NIOHTTP1
internal import PayloadSchema
internal import ServerHost

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Looks over a manifest and reports every problem with its line.",
        discussion: """
            Exits with 0 when the manifest is right and with 78 when it is not.

            EXAMPLES
              sluice check
              sluice check staging/functions.yaml
              sluice check --strict                            warnings are mistakes too
              sluice check --against http://127.0.0.1:3000     what a running server would change, jobs included
              sluice check --format github                     annotations for GitHub Actions
              sluice check --format json | jq '.problems[].message'
            """)

    enum Format: String, CaseIterable, ExpressibleByArgument { case human, json, github }

    @Argument(help: "The manifest (default: $SLUICE_MANIFEST, else functions.yaml).")
    var file: String?

    @Option(help: ArgumentHelp("A running server: tells what it would change, without doing it.", valueName: "url"))
    var against: String?

    @Option(help: "The server's data folder, for its admin token (SLUICE_DATA, default: here).")
    var data: String?

    @Option(help: "human, json or github.")
    var format: Format?

    @Flag(help: "Warnings are mistakes too.")
    var strict = false

    @Flag(help: "The same as --format json.")
    var json = false

    private var chosen: Format { format ?? (json ? .json : .human) }

    private var path: String {
        file ?? ProcessInfo.processInfo.environment["SLUICE_MANIFEST"] ?? "functions.yaml"
    }

    func run() async throws {
        try await reporting {
            if let against { return try await compare(with: against) }
            try check()
        }
    }

    private func check() throws {
        let loaded: ManifestFile.Loaded
        do {
            loaded = try ManifestFile(path: path).load()
        } catch {
            switch chosen {
            case .json: Console.json(["file": .string(path), "ok": false, "error": .string(error.text)])
            case .human:
                Console.error(
                    "\(error.text)\(error.isMissing ? "; name another: sluice check path/to/functions.yaml" : "")")
            case .github:
                Console.machine("::error file=\(GitHubText.property(path))::\(GitHubText.message(error.text))")
            }
            throw ExitStatus.configuration
        }
        switch chosen {
        case .json: Console.json(report(loaded))
        case .github:
            for problem in loaded.result.problems { Console.machine(GitHubText.annotation(problem, file: path)) }
        case .human:
            loaded.problemText.map { StandardError.write("\(laidOut: $0)") }
            if case .success(_, let warnings) = loaded.result, !isRight(loaded.result) {
                let count = warnings.count
                Console.error("\(path): \(count) \(count == 1 ? "warning" : "warnings"), mistakes with --strict")
            }
            if case .success(let manifest, _) = loaded.result, isRight(loaded.result) {
                let count = manifest.functions.count
                Console.line(
                    "\(path): ok, \(count) \(count == 1 ? "function" : "functions"), revision \(manifest.revision)")
            }
        }
        if !isRight(loaded.result) { throw ExitStatus.configuration }
    }

    private func isRight(_ result: ManifestResult) -> Bool {
        guard case .success(_, let warnings) = result else { return false }
        return !strict || warnings.isEmpty
    }

    /// References (`${…}`) stand for what they stand for in the manifest that the server has in force; it reads no others.
    private func compare(with url: String) async throws {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("cannot read the manifest \(path)", ExitStatus.configuration)
        }
        let server = try ServerOptions.connection(to: url, data: data)
        let reply = try await server.send(.POST, "/v1/reload?dryRun=true", body: [UInt8](bytes))
        try ReloadAnswerText.tell(reply, json: chosen == .json)
    }

    private func report(_ loaded: ManifestFile.Loaded) -> JSONValue {
        var report: JSONObject = JSONObject()
        report["file"] = .string(path)
        report["ok"] = .bool(isRight(loaded.result))
        if case .success(let manifest, _) = loaded.result {
            report["revision"] = .string(manifest.revision)
            report["functions"] = .array(manifest.functions.map { .string($0.name) })
        }
        report["problems"] = .array(
            loaded.result.problems.map { problem in
                [
                    "severity": .string(problem.severity.rawValue), "line": .integer(problem.line),
                    "column": .integer(problem.column), "length": .integer(problem.length),
                    "message": .string(problem.message), "help": .optional(problem.help),
                ]
            })
        return .object(report)
    }
}

/// Workflow commands of GitHub Actions (docs.github.com, "Workflow commands", "Setting an error message").
private enum GitHubText {
    static func annotation(_ problem: ManifestProblem, file: String) -> String {
        let help = problem.help.map { "\n\($0)" } ?? ""
        return "::\(problem.severity.rawValue) file=\(property(file)),line=\(problem.line),col=\(problem.column),"
            + "endColumn=\(problem.column + problem.length)::\(message(problem.message + help))"
    }

    static func message(_ text: String) -> String {
        text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
    }

    static func property(_ text: String) -> String {
        message(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
}
