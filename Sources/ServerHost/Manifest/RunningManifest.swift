internal import Accounts
internal import FunctionManifest
internal import FunctionsAPI
internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import Logging
internal import OperationsAPI
internal import Outbound
private import Synchronization
internal import TasksAPI
internal import Webhooks

/// The manifest in force with everything of a running server that follows from it, and what puts another in its place.
final class RunningManifest: Sendable {
    private let engine: JobEngine
    private let authenticator: any Authenticator
    private let operations: Mutex<OperationsAPI?>
    private let webhookSecrets: WebhookSecrets
    private let guarded: GuardedOutbound
    private let listening: String
    private let isDev: Bool
    private let state: Mutex<State>

    let door: FrontDoor
    let connections: Connections
    /// What descriptors allow.
    private let connectionLimit: Int

    private struct State {
        var manifest: Manifest
        var formerBasePaths: [[String]] = []
        /// 0 until it is known.
        var port = 0
        /// What was in force before. Requests may still hold parts of it; it is let go by the next reload, on its thread.
        var retired: Retired?
    }

    private struct Retired {
        var manifest: Manifest
        var table: RouteTable
        var deployment: Deployment
    }

    init(
        manifest: Manifest, engine: JobEngine, authenticator: any Authenticator, webhookSecrets: WebhookSecrets,
        guarded: GuardedOutbound, listening: String, isDev: Bool, connectionLimit: Int, seed: UInt64,
        logger: Logger
    ) {
        self.engine = engine
        self.authenticator = authenticator
        self.webhookSecrets = webhookSecrets
        self.guarded = guarded
        self.listening = listening
        self.isDev = isDev
        self.connectionLimit = connectionLimit
        operations = Mutex(nil)
        state = Mutex(State(manifest: manifest))
        door = FrontDoor(
            routes: RouteTable([]), settings: Self.doorSettings(manifest, listening: listening),
            authenticator: authenticator, seed: seed, logger: logger)
        connections = Connections(bounds: Self.connectionBounds(manifest, atMost: connectionLimit))
    }

    /// Routes that need this very object to be made; called once, before anybody listens.
    func open(_ operations: OperationsAPI) {
        self.operations.withLock { $0 = operations }
        let state = state.withLock { $0 }
        door.replace(routes: table(state), settings: Self.doorSettings(state.manifest, listening: listening))
    }

    /// Which port it is is known only when it is open; from then on it is closed for URLs that callers give.
    func listen(on port: Int) {
        let manifest = state.withLock { state in
            state.port = port
            return state.manifest
        }
        guarded.adopt(Self.egressPolicy(manifest, port: port, isDev: isDev))
    }

    /// What a manifest becomes before it is put in force.
    struct Prepared: Sendable {
        fileprivate var manifest: Manifest
        fileprivate var formerBasePaths: [[String]]
        fileprivate var table: RouteTable
        fileprivate var deployment: Deployment
        fileprivate var door: FrontDoor.Settings
    }

    /// Everything that takes time; nothing is changed yet.
    func prepare(_ manifest: Manifest) -> Prepared {
        let retired = state.withLock { state in
            defer { state.retired = nil }
            return state.retired
        }
        defer { withExtendedLifetime(retired) {} }
        var next = state.withLock { $0 }
        if next.manifest.server.basePath != manifest.server.basePath {
            next.formerBasePaths.append(next.manifest.server.basePath)
        }
        next.manifest = manifest
        return Prepared(
            manifest: manifest, formerBasePaths: next.formerBasePaths, table: table(next),
            deployment: Self.deployment(manifest), door: Self.doorSettings(manifest, listening: listening))
    }

    /// Puts it in force: the engine first, so that no route leads to a function that it does not know.
    func adopt(_ next: Prepared) {
        let (former, port) = state.withLock { state in
            let former = state.manifest
            (state.manifest, state.formerBasePaths) = (next.manifest, next.formerBasePaths)
            return (former, state.port)
        }
        let deployment = engine.adopt(next.deployment)
        let table = door.replace(routes: next.table, settings: next.door)
        state.withLock { $0.retired = Retired(manifest: former, table: table, deployment: deployment) }
        connections.adopt(Self.connectionBounds(next.manifest, atMost: connectionLimit))
        guarded.adopt(Self.egressPolicy(next.manifest, port: port, isDev: isDev))
    }

    private func table(_ state: State) -> RouteTable {
        let basePath = state.manifest.server.basePath
        let functions = FunctionsAPI(
            basePath: basePath, formerBasePaths: state.formerBasePaths, engine: engine, authenticator: authenticator,
            webhookSecret: { [webhookSecrets] in webhookSecrets.secretToTell(of: .job($0)) })
        let tasks = TasksAPI(engine: engine, basePath: basePath)
        let operations = operations.withLock { $0?.routes ?? [] }
        return RouteTable(operations + tasks.routes + functions.routes(for: state.manifest.functions))
    }

    static func deployment(_ manifest: Manifest) -> Deployment {
        Deployment(
            revision: manifest.revision, functions: manifest.functions, concurrency: manifest.server.concurrency,
            maxQueued: manifest.server.maxQueued, accounts: manifest.accounts, anonymous: manifest.anonymous,
            webhooks: manifest.webhooks, minFreeSpace: manifest.server.minFreeSpace,
            shutdownGrace: manifest.server.shutdownGrace)
    }

    private static func doorSettings(_ manifest: Manifest, listening: String) -> FrontDoor.Settings {
        let server = manifest.server
        return FrontDoor.Settings(
            hosts: HostCheck(listening: listening, further: server.hosts, publicURL: server.publicURL),
            corsOrigins: server.corsOrigins, clientAddress: ClientAddress(trustedProxies: server.trustedProxies),
            bodyLimit: server.maxPayload, publicURL: server.publicURL)
    }

    private static func connectionBounds(_ manifest: Manifest, atMost limit: Int) -> Connections.Bounds {
        Connections.Bounds(
            total: min(manifest.server.connections, limit), perAddress: manifest.server.connectionsPerAddress)
    }

    /// For URLs that callers gave: the public Internet, what the manifest opens beside it, and never ourselves. Whoever
    /// develops reaches this machine, and the sink on this server.
    static func egressPolicy(_ manifest: Manifest, port: Int, isDev: Bool) -> EgressPolicy {
        let loopback = isDev ? ["127.0.0.0/8", "::1"].compactMap { NetworkRange($0) } : []
        return EgressPolicy(
            allowing: manifest.egress.ranges + loopback, hosts: manifest.egress.hosts,
            listener: isDev ? nil : EgressPolicy.Listener(port: port))
    }
}
