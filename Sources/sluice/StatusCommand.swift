internal import ArgumentParser
internal import Glibc
internal import NIOHTTP1
internal import PayloadSchema

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows at a glance what runs, waits and fails.",
        discussion: """
            EXAMPLES
              sluice status
              sluice status --watch
              sluice status --json | jq .functions
            """)

    @OptionGroup var options: ServerOptions

    @Flag(help: "Show it again every two seconds, until Ctrl-C.")
    var watch = false

    func run() async throws {
        try await reporting {
            let server = try options.connect()
            repeat {
                try await show(server)
                if watch { try await Task.sleep(for: .seconds(2)) }
            } while watch
        }
    }

    private func show(_ server: ServerConnection) async throws {
        let queue = try await server.call(.GET, "/v1/async/status")
        let functions = try await server.call(.GET, "/v1/functions")
        let failed = try await server.call(.GET, "/v1/tasks?status=failed&limit=5")
        let ready = try await server.send(.GET, "/readyz")
        // The operator's alone: an account sees the rest.
        let manifest = try await server.send(.GET, "/v1/manifest").body
        if options.json {
            return Console.json(
                .object(
                    Self.object([
                        ("url", .string(server.url)), ("ready", .bool(ready.status == 200)), ("queue", queue),
                        ("functions", functions["functions"] ?? .null), ("failed", failed["total"] ?? .null),
                        ("manifestRevision", functions["manifestRevision"] ?? .null),
                        ("manifestError", manifest.value(at: ["lastError", "summary"]) ?? .null),
                    ])))
        }
        let state =
            ready.status == 200
            ? Terminal.paint("ready", .green)
            : Terminal.paint("\(ready.body["detail"]?.string ?? "not ready")", .red)
        let used = queue.value(at: ["concurrency", "used"])?.text ?? "?"
        let max = queue.value(at: ["concurrency", "max"])?.text ?? "?"
        var lines: [TerminalText] = [
            """
            \(Terminal.paint("sluice", .bold)) \(server.url)  revision \(functions["manifestRevision"]?.string ?? "?")  \
            \(state)
            """,
            """
            queued \(queue["queuedTasks"]?.text ?? "?")   running \(used) of \(max) slots   \
            failed \(failed["total"]?.text ?? "?")\(failed["totalExact"] == false ? "+" : "")
            """,
        ]
        if let problem = manifest.value(at: ["lastError", "summary"])?.string {
            let file = manifest["file"]?.string ?? "the manifest"
            lines.append(
                Terminal.paint("\(file) is not in force, the last good revision is: \(problem)", .red))
        }
        lines += ["", table(functions["functions"])]
        if case .array(let tasks)? = failed["tasks"], !tasks.isEmpty {
            lines += ["", Terminal.paint("latest failures", .dim)]
            lines += tasks.map { task in
                let error = Terminal.paint("\(task["error"]?.string ?? "")", .red)
                return "\(task["id"]?.string ?? "")  \(task["type"]?.string ?? "")  \(error)"
            }
        }
        if watch { Console.clear() }
        Console.line(lines.joined(separator: "\n"))
    }

    private static func object(_ members: [(String, JSONValue)]) -> JSONObject {
        var object = JSONObject()
        for (name, value) in members { object[name] = value }
        return object
    }

    private func table(_ functions: JSONValue?) -> TerminalText {
        guard case .array(let functions)? = functions else { return "" }
        func span(_ value: JSONValue?) -> TerminalText {
            value?.integer.map { "\(Terminal.span(milliseconds: $0))" } ?? "-"
        }
        func text(_ value: JSONValue?) -> TerminalText { "\(value?.string ?? value?.text ?? "")" }
        return Terminal.table(
            ["FUNCTION", "QUEUED", "OLDEST", "RUNNING", "FAILED", "P50", "P99", "ENDPOINT", ""],
            functions.map { function in
                [
                    text(function["name"]), text(function["queued"]), span(function["oldestDueMs"]),
                    text(function["running"]), text(function["failed"]),
                    span(function.value(at: ["attemptMs", "p50"])), span(function.value(at: ["attemptMs", "p99"])),
                    "\(function["method"]?.string ?? "") \(function["path"]?.string ?? "")",
                    function["paused"] == true ? "paused" : "",
                ]
            })
    }
}
