internal import ArgumentParser
internal import FoundationEssentials
internal import JobModel
internal import NIOHTTP1
internal import PayloadSchema
private import Platform

struct InvokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "invoke",
        abstract: "Calls a function, and waits for its result with --wait.",
        discussion: """
            Prints the job's id, or with --wait its result. Exits with 1 when the job failed, with 75 when the wait was over
            first.

            EXAMPLES
              sluice invoke send-email -d '{"to":"a@example.com"}'
              sluice invoke send-email -d @payload.json --wait
              sluice invoke resize-image --path images/42/resize --wait --timeout 60
            """)

    @OptionGroup var options: ServerOptions
    @Argument(help: "The function.") var function: String

    @Option(name: [.customShort("d"), .long], help: "The payload as JSON, or @FILE, or @- for standard input.")
    var payload: String?

    @Option(help: "The endpoint below the base path, where it has parameters or a query (default: the function's).")
    var path: String?

    @Flag(help: "Wait for the end and print the result.")
    var wait = false

    @Option(help: "Seconds to wait at most.")
    var timeout = 300

    func run() async throws {
        try await reporting {
            let server = try options.connect()
            let endpoint = try await endpoint(server)
            let reply = try await server.send(
                HTTPMethod(rawValue: endpoint.method), endpoint.path, headers: [("Prefer", "respond-async")],
                body: try body())
            guard reply.status == 202, let url = reply.body["statusUrl"]?.string else {
                throw ServerConnection.failure(reply, endpoint.path)
            }
            guard wait else {
                if options.json {
                    Console.json(reply.body)
                } else {
                    Console.line("\(reply.body["jobId"]?.string ?? "")")
                }
                return
            }
            try await follow(url, server, maxAttempts: endpoint.maxAttempts)
        }
    }

    private func body() throws -> [UInt8]? {
        guard let payload else { return nil }
        guard payload.hasPrefix("@") else { return Array(payload.utf8) }
        let name = String(payload.dropFirst())
        if name == "-" {
            do {
                return try InputFile.standardInput.read(upTo: .max)
            } catch {
                throw CommandFailure("cannot read standard input: \(error)", ExitStatus.badData)
            }
        }
        guard let data = FileManager.default.contents(atPath: name) else {
            throw CommandFailure("cannot read \(name)", ExitStatus.badData)
        }
        return [UInt8](data)
    }

    private func endpoint(
        _ server: ServerConnection
    ) async throws -> (method: String, path: String, maxAttempts: String) {
        let answer = try await server.call(.GET, "/v1/functions")
        guard case .array(let functions)? = answer["functions"],
            let found = functions.first(where: { $0["name"]?.string == function })
        else { throw CommandFailure("no function \(function) is declared", ExitStatus.badData) }
        let base = answer["basePath"]?.string ?? ""
        let own = path.map { String($0.drop { $0 == "/" }) } ?? found["path"]?.string ?? ""
        guard !own.contains("{") else {
            throw CommandFailure(
                "\(function) has path parameters: fill them in with --path, for example --path '\(own)'",
                ExitStatus.usage)
        }
        return (found["method"]?.string ?? "POST", "\(base)/\(own)", found["maxAttempts"]?.text ?? "?")
    }

    /// Long-polls until the job has ended, with a line on a terminal that says how far it is.
    private func follow(_ url: String, _ server: ServerConnection, maxAttempts: String) async throws {
        let start = ContinuousClock.now
        let limit = start + .seconds(timeout)
        let progress = ProgressLine(isShown: !options.json)
        // Whatever ends the wait, what is said then stands on a line of its own.
        defer { progress.clear() }
        while true {
            let left = max(1, Int((limit - ContinuousClock.now).inSeconds))
            // Somebody who looks sees the seconds go by.
            let poll = "\(url)?wait=\(min(left, progress.isShown ? 1 : 20))"
            let reply = try await patiently(until: limit) { try await server.send(.GET, poll) }
            let isBusy = reply.status == 429 || reply.status == 503
            let known = reply.headers.first(name: "Sluice-Job-State") ?? (reply.status == 410 ? "gone" : nil)
            guard isBusy || known != nil else { throw ServerConnection.failure(reply, url) }
            let state = known ?? "pending"
            if known == nil { try await Task.sleep(for: .seconds(1)) }
            progress.show(
                ProgressLine.text(
                    function: function, state: state, status: reply.body, maxAttempts: maxAttempts,
                    seconds: Int((ContinuousClock.now - start).inSeconds),
                    now: Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))))
            if state != "pending", state != "inFlight" {
                progress.clear()
                return try finish(reply, state, url)
            }
            if ContinuousClock.now >= limit {
                progress.clear()
                throw CommandFailure(
                    "the job is still \(state) after \(timeout) s; it goes on: \(url)", ExitStatus.temporary)
            }
        }
    }

    /// Asks again while the server does not answer, for the time that a restart takes: the job outlives it.
    private func patiently(
        until limit: ContinuousClock.Instant, _ ask: () async throws -> ServerConnection.Reply
    ) async throws -> ServerConnection.Reply {
        let patience = min(limit, ContinuousClock.now + .seconds(10))
        while true {
            do {
                return try await ask()
            } catch let failure as CommandFailure
                where failure.exit == ExitStatus.unreachable && ContinuousClock.now < patience
            {
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    private func finish(_ reply: ServerConnection.Reply, _ state: String, _ url: String) throws {
        if options.json { Console.json(reply.body) }
        guard state == "completed" else {
            let error = reply.body["lastError"]?.string ?? reply.body["detail"]?.string ?? ""
            throw CommandFailure("the job ended as \(state): \(error)", ExitStatus.failure)
        }
        if !options.json { Console.json(reply.body["result"] ?? .null) }
    }
}
