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
        authenticator: any Authenticator, connections: ConnectionCount,
        version: String, lostLogLines: @escaping @Sendable () -> UInt64, sink: DevSink? = nil,
        webhookSecret: @escaping @Sendable (WebhookSigner) -> Secret?,
        logger: Logger,
        ownRole: @escaping @Sendable (BackupTarget) async -> String?,
        makeBackup: @escaping @Sendable () async throws -> String
    ) {
        health = HealthCalls(
            engine: engine, authenticator: authenticator, connections: connections, reloads: reloads, version: version,
            lostLogLines: lostLogLines)
        self.manifest = ManifestCalls(control: manifest, authenticator: authenticator)
        self.sink = sink
        self.accounts = AccountCalls(
            accounts: accounts, authenticator: authenticator, webhookSecret: webhookSecret, logger: logger)
        backup = BackupCall(
            authenticator: authenticator, isStopping: { engine.isDraining }, ownRole: ownRole,
            makeCopy: makeBackup)
    }

    package var routes: [Route] {
        let (health, accounts, backup, manifest) = (health, accounts, backup, manifest)
        let all = PathPattern(literals: ["v1", "accounts"])
        let keys = all.appending([.parameter("account"), .literal("keys")])
        return sinkRoutes + [
            Route("GET", PathPattern(literals: ["schema", "functions.schema.json"])) { _, _ in
                .response(.json(200, EditorSchema.value))
            },
            Route("GET", PathPattern(literals: ["livez"])) { _, _ in health.live() },
            Route("GET", PathPattern(literals: ["readyz"])) { _, _ in try await health.ready() },
            Route("GET", PathPattern(literals: ["metrics"])) { request, _ in try await health.metrics(request) },
            Route("GET", PathPattern(literals: ["v1", "manifest"])) { try await manifest.get($0, $1) },
            Route("POST", PathPattern(literals: ["v1", "reload"])) { try await manifest.reload($0, $1) },
            Route("GET", all) { try await accounts.list($0, $1) },
            Route("POST", all) { try await accounts.create($0, $1) },
            Route("POST", keys) { try await accounts.addKey($0, $1) },
            Route("DELETE", keys) { try await accounts.revoke($0, $1) },
            Route("DELETE", keys.appending([.parameter("key")])) { try await accounts.revoke($0, $1) },
            Route("GET", all.appending([.parameter("account"), .literal("webhook-secret")])) {
                try await accounts.webhookSecret($0, $1)
            },
            Route("GET", PathPattern(literals: ["v1", "backup"])) { request, _ in try await backup(request) },
        ]
    }

    /// In `sluice dev` only.
    private var sinkRoutes: [Route] {
        guard let sink else { return [] }
        let calls = SinkCalls(sink: sink)
        let pattern = PathPattern(literals: ["dev", "sink"]).appending([.parameter("name")])
        return [
            Route("POST", pattern) { try await calls.post($0, $1) }, Route("GET", pattern) { calls.get($0, $1) },
            Route("DELETE", pattern) { calls.delete($0, $1) },
        ]
    }
}
