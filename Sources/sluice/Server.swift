internal import Accounts
internal import ArgumentParser
internal import Foundation
internal import FunctionManifest
internal import FunctionsAPI
internal import HTTPSupport
internal import Handlers
internal import JobEngine
internal import JobModel
internal import JobStore
internal import Logging
internal import NIOPosix
internal import OperationsAPI
internal import Outbound
internal import SQLiteJobStore
internal import ServiceLifecycle
private import Synchronization
internal import TasksAPI
internal import UnixSignals
internal import Webhooks

/// The composition root: the one place that names concrete types.
struct Server: Sendable {
    /// Why it does not start, as people read it, and the exit code.
    struct Refusal: Error {
        var text: String
        var exit: ExitCode

        init(_ text: String, exit: ExitCode) {
            self.text = text.hasSuffix("\n") ? text : "error: \(text)\n"
            self.exit = exit
        }
    }

    private let settings: Settings
    private let manifest: Manifest
    private let data: DataFolder
    private let adminToken: Secret
    private let webhookSecrets: WebhookSecrets
    private let store: any JobStore & AccountStore
    private let logger: Logger
    private let random = RandomSource()
    private let clock = SystemClock()
    /// For URLs that stand in the manifest: the operator's, which may go anywhere.
    private let outbound = Outbound(policy: .anywhere)

    init(_ settings: Settings) async throws {
        self.settings = settings
        signal(SIGPIPE, SIG_IGN)
        OpenFiles.raiseLimit()
        manifest = try Self.load(settings.manifest)
        let format = settings.logFormat ?? (isatty(STDERR_FILENO) == 1 ? .text : .json)
        let output = LogOutput(level: settings.logLevel, format: format, now: { SystemClock().now().wall })
        var logger = Logger(label: "sluice") { _ in output }
        logger.logLevel = settings.logLevel
        self.logger = logger

        data = DataFolder(path: settings.dataFolder)
        do {
            try data.prepare()
            let random = random
            adminToken =
                try settings.adminToken ?? Secret(data.secret("admin-token", random: { random.next() }))
            let serverKey = try data.secret("server-key", random: { random.next() })
            webhookSecrets = WebhookSecrets(serverKey: Secret(serverKey), team: settings.webhookSecret)
        } catch let problem as DataFolder.Problem {
            throw Refusal(problem.text, exit: ExitStatus.configuration)
        }
        store = try Self.open(settings.database, logger: logger)
        if settings.database.isKept { data.removeLeftovers() }
    }

    private static func load(_ file: ManifestFile) throws -> Manifest {
        let loaded: ManifestFile.Loaded
        do {
            loaded = try file.load()
        } catch {
            throw Refusal(error.text, exit: ExitStatus.configuration)
        }
        switch loaded.result {
        case .failure:
            throw Refusal((loaded.problemText ?? "") + "\n", exit: ExitStatus.configuration)
        case .success(let manifest, _):
            loaded.problemText.map { StandardError.write($0) }
            return manifest
        }
    }

    private static func open(_ database: Database, logger: Logger) throws -> any JobStore & AccountStore {
        switch database {
        case .sqlite(let path): return try open(path, logger: logger)
        case .discard:
            logger.warning("Nothing is kept: every job is accepted and forgotten (DATABASE_URL=discard:)")
            return DiscardingStore()
        }
    }

    private static func open(_ path: String, logger: Logger) throws -> SQLiteJobStore {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        do {
            // By the file's true name: two links to one database share its lock.
            let lock = try LockFile(path: URL(fileURLWithPath: path).resolvingSymlinksInPath().path + ".lock")
            return try SQLiteJobStore(
                path: path, lock: lock, uptime: { SystemClock.uptime() },
                onFatal: { error in
                    logger.critical(
                        "The database can no longer be trusted to keep what it is given; exiting",
                        metadata: ["error": "\(error)"])
                    _exit(1)
                })
        } catch let problem as LockFile.Problem {
            switch problem {
            case .held(let pid):
                let owner = pid.map { "process \($0)" } ?? "another process"
                throw Refusal("the database \(path) is in use by \(owner)", exit: ExitStatus.temporary)
            case .failed(let path, let reason):
                throw Refusal("cannot open \(path): \(reason)", exit: ExitStatus.configuration)
            }
        } catch {
            throw Refusal(
                "cannot open the database \(path): \(error); name another file with --database or DATABASE_URL",
                exit: ExitStatus.configuration)
        }
    }

    /// Until a signal; then everything ends in order.
    func run() async throws {
        let sender = HTTPWebhookSender(
            secrets: webhookSecrets, version: Version.number, open: outbound, guarded: guarded(port: settings.port))
        let engine = JobEngine(
            store: store,
            deployment: Deployment(
                revision: manifest.revision, functions: manifest.functions, concurrency: manifest.server.concurrency,
                maxQueued: manifest.server.maxQueued, accounts: manifest.accounts, webhooks: manifest.webhooks),
            handlers: { [clock, random, outbound, manifest] function in
                switch function.handler {
                case .builtin(let builtin): BuiltinHandler(builtin, clock: clock, random: { random.fraction() })
                case .http(let target):
                    HTTPHandler(
                        target, outbound: outbound, clock: clock, version: Version.number,
                        headerPrefix: manifest.webhooks.headerPrefix)
                }
            },
            sender: sender, clock: clock, random: random, grace: manifest.server.shutdownGrace, logger: logger)
        do {
            try await engine.recover()
        } catch {
            throw Refusal("cannot read the database: \(error)", exit: ExitStatus.configuration)
        }
        let gates = engine.services.map { StartedLater(service: $0) }
        let listening = Atomic(false)
        let server = httpServer(
            engine,
            onListening: { port in
                // Which port it is is known only now.
                sender.replaceGuarded(with: guarded(port: port))
                listening.store(true, ordering: .relaxed)
                for gate in gates { gate.open.set(()) }
            })
        // They shut down from the last to the first: the dispatcher drains while HTTP still answers.
        let services: [any Service] =
            [SignalWatch(), server] + gates
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, failureTerminationBehavior: .cancelGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quietLogger)
        configuration.cancellationSignals = []
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            await store.close()
            if settings.database.isKept { data.withdraw() }
            guard !listening.load(ordering: .relaxed) else {
                throw Refusal("the server ended: \(error)", exit: ExitStatus.failure)
            }
            throw Refusal(
                "cannot listen on \(settings.host) port \(settings.port): \(error); choose another with --port or --host",
                exit: ExitStatus.configuration)
        }
        await store.close()
        if settings.database.isKept { data.withdraw() }
        logger.info("Stopped")
    }

    /// The service group says at info what our own lines say better.
    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        return quiet
    }

    /// For URLs that callers gave: the public Internet, what the manifest opens beside it, and never ourselves.
    private func guarded(port: Int) -> Outbound {
        Outbound(
            policy: EgressPolicy(
                allowing: manifest.egress.ranges, hosts: manifest.egress.hosts,
                listener: EgressPolicy.Listener(port: port)))
    }

    private func httpServer(_ engine: JobEngine, onListening: @escaping @Sendable (Int) -> Void) -> HTTPServer {
        let accounts = Accounts(
            store: store, now: { [clock] in clock.now().wall }, random: { [random] in random.next() })
        let authenticator = BearerAuthenticator(admin: adminToken) { [logger] token async throws(Problem) in
            do {
                return try await accounts.account(withKey: token)?.id
            } catch {
                logger.error("Cannot look up an API key", metadata: ["error": "\(error)"])
                throw Problem.storeUnavailable
            }
        }
        let functions = FunctionsAPI(
            basePath: manifest.server.basePath, engine: engine, authenticator: authenticator,
            webhookSecret: { [webhookSecrets] in webhookSecrets.secretToTell(of: .job($0)) }, logger: logger)
        let tasks = TasksAPI(engine: engine, authenticator: authenticator, basePath: manifest.server.basePath)
        let connections = ConnectionCount()
        let operations = OperationsAPI(
            engine: engine, accounts: accounts, authenticator: authenticator, connections: connections,
            version: Version.number, webhookSecret: { [webhookSecrets] in webhookSecrets.secretToTell(of: $0) },
            logger: logger,
            makeBackup: { [store, data, random, logger] in
                let path = data.newBackup(name: String(random.next(), radix: 16))
                do {
                    guard let store = store as? SQLiteJobStore else { throw DiscardingStore.refusal }
                    try await store.backup(to: path, isStopping: { engine.dispatcher.isDraining })
                } catch {
                    logger.error("Cannot make a backup", metadata: ["error": "\(error)"])
                    let reason =
                        error as? StoreError == .full
                        ? "there is no room for a copy of the database in the data folder \(data.path)" : "\(error)"
                    throw Problem(503, "No backup was made: \(reason).", kind: "backup-failed", title: "Backup failed")
                }
                return path
            })
        let routes = Routes(RouteTable(operations.routes + tasks.routes + functions.routes(for: manifest.functions)))
        let door = FrontDoor(
            routes: routes,
            settings: FrontDoor.Settings(
                hosts: HostCheck(listening: settings.host, further: manifest.server.hosts),
                crossOrigin: CrossOrigin(origins: manifest.server.corsOrigins),
                clientAddress: ClientAddress(trustedProxies: manifest.server.trustedProxies)),
            seed: random.next(), logger: logger)
        var limits = HTTPLimits()
        limits.bodyBytes = manifest.server.maxPayload
        // An accept that finds no free descriptor would end the listener.
        limits.connections = max(64, min(limits.connections, OpenFiles.limit - 256))
        let readiness = ReadyLine(
            host: settings.host, manifest: manifest,
            token: settings.adminTokenSource
                ?? "$(cat '\((settings.dataFolder as NSString).appendingPathComponent("admin-token"))')")
        return HTTPServer(
            responder: door, limits: limits, connections: connections, host: settings.host, port: settings.port,
            group: MultiThreadedEventLoopGroup.singleton, logger: logger,
            onListening: { [data, logger, isKept = settings.database.isKept] port in
                // A server that forgets must not be found by those who look for the one that does not.
                if isKept {
                    do {
                        try data.announce(url: readiness.url(port: port))
                    } catch {
                        logger.warning("Cannot write server.json", metadata: ["error": "\(error)"])
                    }
                }
                onListening(port)
                StandardError.write(readiness.text(port: port))
            })
    }
}

/// `sluice ready …`, and a curl line that works.
struct ReadyLine: Sendable {
    let host: String
    let manifest: Manifest
    /// What the shell makes the admin token of.
    let token: String

    func url(port: Int) -> String {
        // Where a wildcard listens, loopback is there too.
        let name = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "[::1]" : host.contains(":") ? "[\(host)]" : host
        return "http://\(name):\(port)"
    }

    func text(port: Int) -> String {
        let pid = ProcessInfo.processInfo.processIdentifier
        var text =
            "sluice ready \(url(port: port)) functions=\(manifest.functions.count) revision=\(manifest.revision) "
            + "pid=\(pid)\n"
        if let function = example {
            let path = "/" + (manifest.server.basePath + Self.path(of: function.endpoint.path)).joined(separator: "/")
            let credentials =
                function.endpoint.authentication == .required ? "-H \"Authorization: Bearer \(token)\" " : ""
            let method = function.endpoint.method == "POST" ? "" : "-X \(function.endpoint.method) "
            text += "  curl -i \(method)\(credentials)--json '{}' \(url(port: port))\(path)\n"
        }
        return text
    }

    /// The function that is easiest to call: public if there is one.
    private var example: Function? {
        manifest.functions.first { $0.endpoint.authentication == .public } ?? manifest.functions.first
    }

    /// With a value in place of each parameter, so that the line works as it stands.
    private static func path(of pattern: PathPattern) -> [String] {
        pattern.segments.map { segment in
            switch segment {
            case .literal(let text): text
            case .parameter: "1"
            }
        }
    }
}

enum OpenFiles {
    /// Every connection is an open file: as many as the system allows.
    static func raiseLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    static var limit: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }
}
