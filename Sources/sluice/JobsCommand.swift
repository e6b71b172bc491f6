internal import ArgumentParser
internal import JobModel
internal import NIOHTTP1
internal import PayloadSchema

struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs",
        abstract: "Lists jobs, shows one and why it waits, cancels, retries, sends webhooks again.",
        subcommands: [List.self, Show.self, Cancel.self, Retry.self, Resend.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists jobs, the newest first.",
            discussion: """
                EXAMPLES
                  sluice jobs list --status failed,timeout
                  sluice jobs list --function send-email --limit 100 --json | jq -r '.tasks[].id'
                """)

        @OptionGroup var options: ServerOptions

        @Option(
            help: """
                pending, delayed, processing, waiting, completed, failed, timeout, cancelled; several with commas between \
                them.
                """)
        var status: String?

        @Option(help: "Jobs of one function only.")
        var function: String?

        @Option(help: "Jobs of one account only, by its id; for the admin token.")
        var account: String?

        @Option(help: "The job that was accepted with this idempotency key, of the caller or of --account.")
        var key: String?

        @Option(help: "How many, 1 to 100.")
        var limit = 20

        func run() async throws {
            try await reporting {
                let server = try options.connect()
                let page = try await page(from: server)
                if options.json { return Console.json(page) }
                guard case .array(let tasks)? = page["tasks"] else { return }
                Console.line(
                    Terminal.table(
                        ["ID", "FUNCTION", "STATUS", "TRIES", "ERROR"],
                        tasks.map { task in
                            let status = task["status"]?.string ?? ""
                            var tries = 0
                            if case .array(let attempts)? = task["attempts"] { tries = attempts.count }
                            return [
                                "\(task["id"]?.string ?? "")", "\(task["type"]?.string ?? "")", "\(status)", "\(tries)",
                                "\(task["error"]?.string ?? "")",
                            ]
                        }))
                let total = page["total"]?.text ?? "?"
                let more = page["totalExact"] == false ? "at least \(total)" : total
                Console.line(Terminal.paint("\(tasks.count) of \(more)", .dim))
            }
        }

        /// Pages that the server cut short are followed, so that "--limit 20" shows 20 when there are as many.
        private func page(from server: ServerConnection) async throws -> JSONValue {
            var tasks: [JSONValue] = []
            var cursor: String?
            while true {
                var query = "?limit=\(max(limit - tasks.count, min(limit, 1)))"
                for (name, value) in [
                    ("status", status), ("type", function), ("account", account), ("key", key), ("cursor", cursor),
                ] {
                    if let value { query += "&\(name)=\(Template.percentEncoded(value))" }
                }
                let page = try await server.call(.GET, "/v1/tasks\(query)")
                if case .array(let more)? = page["tasks"] { tasks += more }
                cursor = page["nextCursor"]?.string
                guard case .object(var whole) = page else { return page }
                if cursor == nil || page["cut"] == nil || tasks.count >= limit {
                    whole["tasks"] = .array(tasks)
                    return .object(whole)
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a job, its attempts and webhooks, and why it is not running.",
            discussion: "EXAMPLE\n  sluice jobs show 0199a0e0-0000-7000-8000-000000000000")

        @OptionGroup var options: ServerOptions
        @Argument(help: "The job's id.") var id: String

        func run() async throws {
            try await reporting {
                let server = try options.connect()
                let path = "/v1/tasks/\(Template.percentEncoded(id))"
                let task = try await server.call(.GET, path)["task"] ?? .null
                let explanation = try await server.call(.GET, "\(path)/explain")
                let webhooks = try await server.call(.GET, "\(path)/webhooks")["webhooks"] ?? .null
                if options.json {
                    return Console.json([
                        "task": task, "reasons": explanation["reasons"] ?? .null, "webhooks": webhooks,
                    ])
                }
                Console.line(Self.text(task, explanation) + WebhookLines.text(webhooks))
            }
        }

        private static func text(_ task: JSONValue, _ explanation: JSONValue) -> TerminalText {
            let status = task["status"]?.string ?? ""
            let painted = Terminal.color(ofStatus: status).map { Terminal.paint("\(status)", $0) } ?? "\(status)"
            var lines: [TerminalText] = ["\(task["id"]?.string ?? "")  \(task["type"]?.string ?? "")  \(painted)"]
            for (name, key) in [
                ("created", "createdAt"), ("scheduled", "scheduledFor"), ("next start", "runAt"),
                ("started", "startedAt"), ("ended", "completedAt"), ("error", "error"),
            ] {
                if let text = task[key]?.string { lines.append("  \(name): \(text)") }
            }
            if let payload = task["payload"], payload != .null { lines.append("  payload: \(payload)") }
            if let body = task.value(at: ["result", "body"])?.string { lines.append("  result: \(body)") }
            if case .array(let reasons)? = explanation["reasons"] {
                lines += reasons.map { "  \(Terminal.paint("waits", .yellow)): \($0["detail"]?.string ?? "")" }
            }
            if case .array(let attempts)? = task["attempts"], !attempts.isEmpty {
                lines += attempts.map { attempt in
                    let start: TerminalText =
                        "attempt \(attempt["number"]?.text ?? ""): \(attempt["startedAt"]?.string ?? "")"
                    let end: TerminalText = "\(attempt["outcome"]?.string ?? "")  \(attempt["error"]?.string ?? "")"
                    return "  \(start)  \(end)\(JobsCommand.exchange(of: attempt))"
                }
            }
            return lines.joined(separator: "\n")
        }
    }

    /// What the target of an attempt answered, and where the time went; nothing for what is not an HTTP call.
    fileprivate static func exchange(of attempt: JSONValue) -> TerminalText {
        guard let timings = attempt["timings"], timings != .null else { return "" }
        let status: TerminalText = attempt["statusCode"]?.integer.map { "HTTP \($0)" } ?? "no answer"
        let stages = ["dns", "connect", "tls", "firstByte", "total"].map { name -> TerminalText in
            "\(name) \(timings[name]?.text ?? "0")"
        }
        let body = attempt.value(at: ["response", "body"])?.string ?? ""
        let shown: TerminalText = body.isEmpty ? "" : "\n    \(body.limited(toBytes: 400))"
        return "\n    \(status), ms: \(stages.joined(separator: ", "))\(shown)"
    }

    struct Resend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends a job's webhooks again that have arrived or were given up.",
            discussion: """
                EXAMPLES
                  sluice jobs resend 0199a0e0-0000-7000-8000-000000000000
                  sluice jobs resend ID --webhook msg_…     one of them; "jobs show" lists them
                """)

        @OptionGroup var options: ServerOptions
        @Option(help: "The webhook's id (default: all that are not being sent).") var webhook: String?
        @Argument(help: "The job's id.") var id: String

        func run() async throws {
            try await reporting {
                let server = try options.connect()
                let path = "/v1/tasks/\(Template.percentEncoded(id))/webhooks"
                var ids = [webhook].compactMap(\.self)
                if ids.isEmpty, case .array(let webhooks)? = try await server.call(.GET, path)["webhooks"] {
                    ids = webhooks.filter { $0["status"] != "pending" }.compactMap { $0["id"]?.string }
                    if ids.isEmpty, !webhooks.isEmpty {
                        throw CommandFailure(
                            "the job's webhook is still being sent; \"sluice jobs show \(id)\" tells how it stands",
                            ExitStatus.failure)
                    }
                }
                guard !ids.isEmpty else {
                    throw CommandFailure("the job has no webhook that could be sent again", ExitStatus.failure)
                }
                try await forEach(ids) { id in
                    let reply = try await server.call(.POST, "\(path)/\(Template.percentEncoded(id))/resend")
                    if options.json { Console.json(reply) } else { Console.line("\(id) is sent again") }
                }
            }
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Cancels jobs that wait; running ones with --force.")

        @OptionGroup var options: ServerOptions
        @Flag(help: "Stop running attempts.") var force = false
        @Argument(help: "The jobs' ids.") var ids: [String]

        func run() async throws {
            try await reporting {
                let server = try options.connect()
                try await forEach(ids) { id in
                    let path = "/v1/tasks/\(Template.percentEncoded(id))\(force ? "?force=true" : "")"
                    let reply = try await server.call(.DELETE, path)
                    if options.json { Console.json(reply) } else { Console.line("\(id) cancelled") }
                }
            }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Opens a new run of failed, timed out or cancelled jobs.",
            discussion: """
                EXAMPLE
                  sluice jobs list --status failed --json | jq -r '.tasks[].id' | xargs sluice jobs retry
                """)

        @OptionGroup var options: ServerOptions
        @Argument(help: "The jobs' ids.") var ids: [String]

        func run() async throws {
            try await reporting {
                let server = try options.connect()
                try await forEach(ids) { id in
                    let reply = try await server.call(.POST, "/v1/tasks/\(Template.percentEncoded(id))/retry")
                    if options.json { Console.json(reply) } else { Console.line("\(id) queued again") }
                }
            }
        }
    }
}

/// Goes through all of them; what the server refuses for one is told and does not keep it from the others.
private func forEach(_ ids: [String], _ body: (String) async throws -> Void) async throws {
    var refused = 0
    for id in ids {
        do {
            try await body(id)
        } catch let failure as CommandFailure where failure.exit == ExitStatus.failure && ids.count > 1 {
            Console.error("\(id): \(failure.text)")
            refused += 1
        }
    }
    if refused > 0 { throw CommandFailure("\(refused) of \(ids.count) were refused", ExitStatus.failure) }
}
