internal import ArgumentParser
internal import Foundation
internal import FunctionManifest
internal import JobModel
internal import PayloadSchema

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Looks over a manifest and reports every problem with its line.",
        discussion: """
            Exits with 0 when the manifest is right and with 78 when it is not.

            EXAMPLES
              sluice check
              sluice check staging/functions.yaml
              sluice check --json | jq '.problems[].message'
            """)

    @Argument(help: "The manifest (default: $SLUICE_MANIFEST, else functions.yaml).")
    var file: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() async throws {
        let path = file ?? ProcessInfo.processInfo.environment["SLUICE_MANIFEST"] ?? "functions.yaml"
        let manifest = ManifestFile(path: path)
        let loaded: ManifestFile.Loaded
        do {
            loaded = try manifest.load()
        } catch {
            if json {
                Output.line(["file": .string(path), "ok": false, "error": .string(error.text)])
            } else {
                Output.error(error.text)
            }
            throw ExitStatus.configuration
        }
        if json {
            Output.line(Self.report(loaded, path: path))
        } else {
            loaded.problemText.map { StandardError.write($0) }
            if case .success(let manifest, _) = loaded.result {
                let count = manifest.functions.count
                print("\(path): ok, \(count) \(count == 1 ? "function" : "functions"), revision \(manifest.revision)")
            }
        }
        if case .failure = loaded.result { throw ExitStatus.configuration }
    }

    private static func report(_ loaded: ManifestFile.Loaded, path: String) -> JSONValue {
        var report: JSONObject = JSONObject()
        report["file"] = .string(path)
        switch loaded.result {
        case .success(let manifest, _):
            report["ok"] = true
            report["revision"] = .string(manifest.revision)
            report["functions"] = .array(manifest.functions.map { .string($0.name) })
        case .failure:
            report["ok"] = false
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

enum Output {
    static func line(_ value: JSONValue) { print(value.text) }

    /// For people who look; a pipe gets none of it.
    static func note(_ text: String) { StandardError.write("\(text)\n") }

    static func error(_ text: String) { StandardError.write("error: \(text)\n") }
}
