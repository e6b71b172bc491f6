import Foundation
import PayloadSchema
import TestClient
import Testing

/// Who may do what: every route, for everybody who may knock.
@Suite struct AuthorizationTests {
    private static let manifest = """
        version: 1
        webhooks: {retry: {attempts: 1}}
        functions:
          open:
            handler: {builtin: echo}
            endpoint: {auth: public}
          closed:
            handler: {builtin: echo}
        """

    enum Caller: String, CaseIterable { case owner, other, nobody, wrong, revoked, admin }

    /// A route and what each caller gets, in the order of `Caller`.
    struct Row: Sendable, CustomTestStringConvertible {
        var method: String
        var path: String
        var body: String?
        var statuses: [Int]
        /// Of the route's calls for one job: somebody else's must look like one that never was.
        var isForOneJob: Bool { path.contains("{job") }

        init(_ method: String, _ path: String, body: String? = nil, _ statuses: Int...) {
            self.method = method
            self.path = path
            self.body = body
            self.statuses = statuses
        }

        var testDescription: String { "\(method) \(path)" }
    }

    /// `{job}`: a waiting job of the owner. `{job-cancelled}`: one that was cancelled. `{job-open}`: of a public function.
    static let table: [Row] = [
        //                                                                        owner other nobody wrong revoked admin
        Row("POST", "/api/v1/open", 202, 202, 202, 401, 401, 202),
        Row("POST", "/api/v1/closed", 202, 202, 401, 401, 401, 202),
        Row("GET", "/api/v1/closed/status/{job}", 202, 410, 401, 401, 401, 202),
        Row("DELETE", "/api/v1/closed/status/{job}", 200, 410, 401, 401, 401, 200),
        Row("GET", "/api/v1/open/status/{job-open}", 202, 410, 410, 401, 401, 202),
        Row("DELETE", "/api/v1/open/status/{job-open}", 200, 410, 410, 401, 401, 200),
        Row("GET", "/v1/tasks", 200, 200, 401, 401, 401, 200),
        Row("GET", "/v1/tasks/{job}", 200, 404, 401, 401, 401, 200),
        Row("DELETE", "/v1/tasks/{job}", 200, 404, 401, 401, 401, 200),
        Row("POST", "/v1/tasks/{job-cancelled}/retry", 202, 404, 401, 401, 401, 202),
        Row("GET", "/v1/tasks/{job}/explain", 200, 404, 401, 401, 401, 200),
        Row("GET", "/v1/tasks/{job-told}/webhooks", 200, 404, 401, 401, 401, 200),
        Row("POST", "/v1/tasks/{job-told}/webhooks/msg_{job-told}_1_caller/resend", 202, 404, 401, 401, 401, 202),
        Row("GET", "/v1/async/status", 200, 200, 401, 401, 401, 200),
        Row("GET", "/v1/functions", 200, 200, 401, 401, 401, 200),
        Row("POST", "/v1/functions/open/pause", 403, 403, 401, 401, 401, 200),
        Row("POST", "/v1/functions/open/resume", 403, 403, 401, 401, 401, 200),
        Row("GET", "/v1/accounts", 403, 403, 401, 401, 401, 200),
        Row("POST", "/v1/accounts", body: #"{"name":"new"}"#, 403, 403, 401, 401, 401, 201),
        Row("POST", "/v1/accounts/spare/keys", 403, 403, 401, 401, 401, 201),
        Row("DELETE", "/v1/accounts/spare/keys", 403, 403, 401, 401, 401, 200),
        Row("DELETE", "/v1/accounts/spare/keys/{spare-key}", 403, 403, 401, 401, 401, 200),
        Row("GET", "/v1/accounts/spare/webhook-secret", 403, 403, 401, 401, 401, 200),
        Row("GET", "/v1/manifest", 403, 403, 401, 401, 401, 200),
        Row("POST", "/v1/reload", 403, 403, 401, 401, 401, 200),
        Row("GET", "/v1/backup", 403, 403, 401, 401, 401, 200),
        Row("GET", "/schema/functions.schema.json", 200, 200, 200, 401, 401, 200),
        // In "sluice dev" only.
        Row("POST", "/dev/sink/mail", body: "{}", 404, 404, 404, 404, 404, 404),
        Row("GET", "/dev/sink/mail", 404, 404, 404, 404, 404, 404),
        Row("DELETE", "/dev/sink/mail", 404, 404, 404, 404, 404, 404),
        Row("GET", "/livez", 200, 200, 200, 401, 401, 200),
        Row("GET", "/readyz", 200, 200, 200, 401, 401, 200),
        // From this machine; through a proxy it is the operator's alone, below.
        Row("GET", "/metrics", 200, 200, 200, 401, 401, 200),
    ]

    @Test func `The table has every route`() throws {
        let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Sources").standardized
        var routes = 0
        for file in ["FunctionsAPI/FunctionsAPI", "TasksAPI/TasksAPI", "OperationsAPI/OperationsAPI"] {
            let text = try String(contentsOf: root.appendingPathComponent("\(file).swift"), encoding: .utf8)
            routes += text.matches(of: /Route\(/).count
        }
        // The status routes are here once for each kind of function; the accepting one too.
        #expect(Self.table.count == routes + 3)
    }

    @Test(arguments: table)
    func `Each caller gets what the table says`(_ row: Row) async throws {
        let house = try await House(manifest: Self.manifest)
        for (caller, status) in zip(Caller.allCases, row.statuses) {
            let path = try await house.path(row.path)
            let reply = try await house.call(row.method, path, as: caller, body: row.body)
            #expect(reply.status == status, "\(caller): \(reply.text)")
            if status == 401 {
                let isMissing = caller == .nobody
                #expect(reply["www-authenticate"] == (isMissing ? "Bearer" : "Bearer error=\"invalid_token\""))
            }
            guard row.isForOneJob, caller != .owner, caller != .admin else { continue }
            let unknown = try await house.call(row.method, House.unknown(path), as: caller, body: row.body)
            #expect(House.comparable(reply) == House.comparable(unknown), "\(caller)")
        }
    }

    @Test func `Lists and counts show the caller's own`() async throws {
        let house = try await House(manifest: Self.manifest)
        _ = try await house.job("closed", as: .owner, headers: ["Sluice-Delay: 1h"])
        _ = try await house.job("open", as: .owner, headers: ["Sluice-Delay: 1h"])
        _ = try await house.job("open", as: .other, headers: ["Sluice-Delay: 1h"])
        _ = try await house.job("open", as: .nobody, headers: ["Sluice-Delay: 1h"])
        func total(_ caller: Caller) async throws -> JSONValue? {
            try await house.call("GET", "/v1/tasks", as: caller).json["total"]
        }
        #expect(try await total(.owner) == 2)
        #expect(try await total(.other) == 1)
        #expect(try await total(.admin) == 4)
        func queued(_ caller: Caller) async throws -> JSONValue? {
            try await house.call("GET", "/v1/async/status", as: caller).json["queuedTasks"]
        }
        #expect(try await queued(.owner) == 2)
        #expect(try await queued(.admin) == 4)
        let functions = try await house.call("GET", "/v1/functions", as: .other).json["functions"]
        guard case .array(let rows)? = functions else {
            Issue.record("no functions")
            return
        }
        #expect(rows.map { $0["queued"] } == [0, 1])
    }

    @Test func `Metrics through a proxy are the operator's`() async throws {
        let house = try await House(manifest: Self.manifest)
        for (caller, status) in zip(Caller.allCases, [403, 403, 401, 401, 401, 200]) {
            let reply = try await house.call("GET", "/metrics", as: caller, headers: ["X-Forwarded-For: 192.0.2.1"])
            #expect(reply.status == status, "\(caller)")
        }
    }

    @Test func `No log line, metric or answer shows a secret`() async throws {
        let house = try await House(manifest: Self.manifest, environment: ["LOG_LEVEL": "trace"])
        for caller in Caller.allCases {
            _ = try await house.call("GET", "/v1/tasks", as: caller)
            _ = try await house.call("POST", "/api/v1/open", as: caller)
            _ = try await house.call("GET", "/v1/accounts", as: caller)
        }
        let shown =
            try await house.call("GET", "/metrics", as: .nobody).text
            + (try await house.call("GET", "/v1/accounts", as: .admin).text)
        house.server.signal(SIGTERM)
        _ = try await house.server.waitForExit()
        let said = house.server.log + shown
        #expect(said.contains("/v1/accounts"))
        for (caller, token) in house.tokens {
            #expect(!said.contains(token), "\(caller)")
            #expect(!said.contains(token.suffix(40)), "\(caller)")
        }
    }
}

/// A server with an account for each caller.
private struct House {
    let server: ServerProcess
    private(set) var tokens: [AuthorizationTests.Caller: String] = [:]

    init(manifest: String, environment: [String: String] = [:]) async throws {
        server = try await ServerProcess(manifest: manifest, environment: environment)
        let token = try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
        tokens[.admin] = token.trimmingCharacters(in: .whitespacesAndNewlines)
        for caller in [AuthorizationTests.Caller.owner, .other, .revoked] {
            tokens[caller] = try await account(caller.rawValue)["apiKey"]?.string
        }
        tokens[.wrong] = "slc_" + String(repeating: "0", count: 8) + "_" + String(repeating: "0", count: 64)
        _ = try await call("DELETE", "/v1/accounts/revoked/keys", as: .admin)
        _ = try await account("spare")
    }

    private func account(_ name: String) async throws -> JSONValue {
        let reply = try await call("POST", "/v1/accounts", as: .admin, body: "{\"name\":\"\(name)\"}")
        try #require(reply.status == 201)
        return reply.json
    }

    func call(
        _ method: String, _ path: String, as caller: AuthorizationTests.Caller, headers: [String] = [],
        body: String? = nil
    ) async throws -> HTTPReply {
        var headers = headers
        if let token = tokens[caller] { headers.append("Authorization: Bearer \(token)") }
        if body != nil { headers.append("Content-Type: application/json") }
        return try await server.request(method, path, headers: headers, body: body.map { Array($0.utf8) })
    }

    /// The id of a new job.
    func job(
        _ function: String, as caller: AuthorizationTests.Caller, headers: [String] = []
    ) async throws -> String {
        let reply = try await call("POST", "/api/v1/\(function)", as: caller, headers: headers)
        return try #require(reply.json["jobId"]?.string)
    }

    /// Fresh for every call: what one caller does must not change what the next one finds.
    func path(_ template: String) async throws -> String {
        let later = ["Sluice-Delay: 1h"]
        if template.contains("{job}") {
            return template.replacing("{job}", with: try await job("closed", as: .owner, headers: later))
        }
        if template.contains("{job-open}") {
            return template.replacing("{job-open}", with: try await job("open", as: .owner, headers: later))
        }
        if template.contains("{job-cancelled}") {
            let id = try await job("closed", as: .owner, headers: later)
            _ = try await call("DELETE", "/v1/tasks/\(id)", as: .owner)
            return template.replacing("{job-cancelled}", with: id)
        }
        if template.contains("{job-told}") {
            let id = try await job("closed", as: .owner, headers: later + ["Sluice-Webhook: http://127.0.0.1:1/"])
            _ = try await call("DELETE", "/v1/tasks/\(id)", as: .owner)
            try await givenUp(id)
            return template.replacing("{job-told}", with: id)
        }
        if template.contains("{spare-key}") {
            let reply = try await call("POST", "/v1/accounts/spare/keys", as: .admin)
            return template.replacing("{spare-key}", with: try #require(reply.json["prefix"]?.string))
        }
        return template
    }

    /// Waits until the job's only webhook has been refused.
    private func givenUp(_ id: String) async throws {
        for _ in 0..<200 {
            let sent = try await call("GET", "/v1/tasks/\(id)/webhooks", as: .owner).json
            if sent.value(at: ["webhooks", "0", "status"]) == "failed" { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw ServerProcess.Failure(description: "the webhook of \(id) is still pending")
    }

    /// The same path with an id that no job has.
    static func unknown(_ path: String) -> String {
        path.replacing(/[0-9a-f]{8}-[0-9a-f-]{27}/, with: "0199a0e0-0000-7000-8000-000000000000")
    }

    /// Everything but the time and the request's own id.
    static func comparable(_ reply: HTTPReply) -> String {
        let headers = reply.headers.filter { $0.name != "date" }.map { "\($0.name): \($0.value)" }
        let body = reply.text.replacing(/"requestId":"[^"]*"/, with: "")
        return "\(reply.status)\n\(headers.joined(separator: "\n"))\n\(body)"
    }
}
