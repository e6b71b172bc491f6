package import Accounts
internal import FunctionManifest
package import HTTPSupport
package import JobEngine
package import JobModel
package import Logging
internal import NIOHTTP1
internal import PayloadSchema

/// What operators need (CONTRACT 8): `/livez`, `/readyz`, `/metrics`, accounts, backups.
package struct OperationsAPI: Sendable {
    private let health: HealthCalls
    private let accounts: AccountCalls
    private let backup: BackupCall
    private let manifest: ManifestCalls
    private let sink: DevSink?

    /// - Parameters:
    ///   - lostLogLines: how many lines of the log were lost.
    ///   - sink: receives webhooks below /dev/sink; nil where there is none.
    ///   - webhookSecret: what signs somebody's webhooks; nil where one secret of the whole team does.
    ///   - ownRole: what a file that a backup is to become is to this server; nil when it is none of its files.
    ///   - makeBackup: writes a copy of the database and returns its path.
    package init(
        engine: JobEngine, accounts: Accounts, manifest: any ManifestControl, reloads: ReloadCounts,
        connections: Connections,
        version: String, lostLogLines: @escaping @Sendable () -> UInt64, sink: DevSink? = nil,
        webhookSecret: @escaping @Sendable (WebhookSigner) -> Secret?,
        logger: Logger,
        ownRole: @escaping @Sendable (BackupTarget) async -> String?,
        makeBackup: @escaping @Sendable () async throws -> String
    ) {
        health = HealthCalls(
            engine: engine, connections: connections, reloads: reloads, version: version,
            lostLogLines: lostLogLines)
        self.manifest = ManifestCalls(control: manifest)
        self.sink = sink
        self.accounts = AccountCalls(
            accounts: accounts, webhookSecret: webhookSecret, logger: logger)
        backup = BackupCall(
            isStopping: { engine.isDraining }, ownRole: ownRole,
            makeCopy: makeBackup)
    }

    package var routes: [Route] { publicRoutes + adminRoutes + sinkRoutes }

    private var publicRoutes: [Route] {
        let health = health
        return [
            Route(
                "GET", PathPattern(literals: ["schema", "functions.schema.json"]), .open,
                Operation("The manifest's JSON Schema, for editors", answers: [.init(200, "A JSON Schema")])
            ) { _, _ in .response(.json(200, EditorSchema.value)) },
            Route(
                "GET", PathPattern(literals: ["livez"]), .open,
                Operation("Whether the process answers", answers: [.init(200, "It does")]),
                opening: { _, _ in health.live() }),
            Route(
                "GET", PathPattern(literals: ["readyz"]), .open,
                Operation(
                    "Whether the server can take work",
                    answers: [.init(200, "It can"), .init(503, "It cannot, with the reasons")])
            ) { _, _ in try await health.ready() },
            Route(
                "GET", PathPattern(literals: ["metrics"]), .open,
                Operation(
                    "Figures for Prometheus; beyond loopback with the admin token",
                    answers: [.init(200, "Prometheus text")])
            ) { try await health.metrics($0, $1) },
        ]
    }

    private var adminRoutes: [Route] {
        let (accounts, backup, manifest) = (accounts, backup, manifest)
        let all = PathPattern(literals: ["v1", "accounts"])
        let one = all.appending([.parameter("account")])
        let keys = one.appending([.literal("keys")])
        let account = Operation.Parameter.path("account", "The account's name or id")
        return [
            Route(
                "GET", PathPattern(literals: ["v1", "manifest"]), .admin,
                Operation("The manifest in force", answers: [.init(200, "Its revision, and the last error")])
            ) { try await manifest.get($0, $1) },
            Route(
                "POST", PathPattern(literals: ["v1", "reload"]), .admin,
                Operation(
                    "Loads the manifest anew",
                    parameters: [.query("dryRun", "true only tells what would change; a body is then the manifest")],
                    answers: [.init(200, "What changed"), .init(422, "Refused; the last good revision stays")]),
                bodyLimit: Limits.manifestBytes
            ) { try await manifest.reload($0, $1) },
            Route("GET", all, .admin, Operation("All accounts", answers: [.init(200, "Each with its keys")])) {
                try await accounts.list($0, $1)
            },
            Route(
                "POST", all, .admin,
                Operation(
                    "Makes an account", answers: [.init(201, "The account with its key"), .init(409, "Name taken")]),
                bodyLimit: HTTPLimits.smallBody
            ) { try await accounts.create($0, $1) },
            Route(
                "POST", keys, .admin,
                Operation("One more key", parameters: [account], answers: [.init(201, "The key, shown once")]),
                bodyLimit: HTTPLimits.smallBody
            ) { try await accounts.addKey($0, $1) },
            Route(
                "DELETE", keys, .admin,
                Operation("Revokes all keys", parameters: [account], answers: [.init(200, "How many")])
            ) { try await accounts.revoke($0, $1) },
            Route(
                "DELETE", keys.appending([.parameter("key")]), .admin,
                Operation(
                    "Revokes one key", parameters: [account, .path("key", "Its prefix")],
                    answers: [.init(200, "Revoked")])
            ) { try await accounts.revoke($0, $1) },
            Route(
                "GET", one.appending([.literal("webhook-secret")]), .admin,
                Operation("What signs an account's webhooks", parameters: [account], answers: [.init(200, "A secret")])
            ) { try await accounts.webhookSecret($0, $1) },
            Route(
                "GET", PathPattern(literals: ["v1", "backup"]), .admin,
                Operation("A copy of the database", answers: [.init(200, "An SQLite file")])
            ) { request, _ in try await backup(request) },
        ]
    }

    /// In `sluice dev` only.
    private var sinkRoutes: [Route] {
        guard let sink else { return [] }
        let calls = SinkCalls(sink: sink)
        let pattern = PathPattern(literals: ["dev", "sink"]).appending([.parameter("name")])
        let name = Operation.Parameter.path("name", "Any name")
        return [
            Route(
                "POST", pattern, .open,
                Operation("Takes a webhook and verifies it", parameters: [name], answers: [.init(200, "Taken")])
            ) { try await calls.post($0, $1) },
            Route(
                "GET", pattern, .open,
                Operation("What has come", parameters: [name], answers: [.init(200, "The last arrivals")])
            ) { calls.get($0, $1) },
            Route(
                "DELETE", pattern, .open,
                Operation("Forgets what has come", parameters: [name], answers: [.init(204, "Forgotten")])
            ) { calls.delete($0, $1) },
        ]
    }
}
