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
internal import PayloadSchema
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
    private let log: LogStream
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

    init(_ settings: Settings, log: LogStream) async throws {
        self.settings = settings
        self.log = log
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow is a full disk, told by EFBIG; not the end of the process (setrlimit(2)).
        signal(SIGXFSZ, SIG_IGN)
        // Until HangUpWatch listens, there is nothing to reload.
        signal(SIGHUP, SIG_IGN)
        OpenFiles.raiseLimit()
        manifest = try Self.load(settings.manifest, log)
        let format = settings.logFormat ?? (isatty(STDERR_FILENO) == 1 ? .text : .json)
        let now: @Sendable () -> Timestamp = { [clock] in clock.now().wall }
        let output: any LogHandler =
            settings.isDev && settings.logFormat == nil
            ? DevLog(level: settings.logLevel, to: log, now: now)
            : LogOutput(level: settings.logLevel, format: format, to: log, now: now)
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
            throw Refusal(problem.text, exit: problem.isTemporary ? ExitStatus.temporary : ExitStatus.configuration)
        }
        store = try Self.open(settings.database, logger: logger, log)
        if settings.database.isKept { data.removeLeftovers() }
    }

    private static func load(_ file: ManifestFile, _ log: LogStream) throws -> Manifest {
        let loaded: ManifestFile.Loaded
        do {
            loaded = try file.load()
        } catch {
            let help =
                error.isMissing ? "; name another with --manifest or SLUICE_MANIFEST, or make one: sluice init" : ""
            throw Refusal(error.text + help, exit: ExitStatus.configuration)
        }
        switch loaded.result {
        case .failure:
            throw Refusal((loaded.problemText ?? "") + "\n", exit: ExitStatus.configuration)
        case .success(let manifest, _):
            loaded.problemText.map { log.write($0) }
            return manifest
        }
    }

    private static func open(
        _ database: Database, logger: Logger, _ log: LogStream
    ) throws -> any JobStore & AccountStore {
        switch database {
        case .sqlite(let path): return try open(path, logger: logger, log)
        case .discard:
            logger.warning("Nothing is kept: every job is accepted and forgotten (DATABASE_URL=discard:)")
            return DiscardingStore()
        }
    }

    private static func open(_ path: String, logger: Logger, _ log: LogStream) throws -> SQLiteJobStore {
        // What cannot be made is told by the lock, with its reason.
        _ = Folder.make(Folder.parent(of: path))
        do {
            let lock = try DatabaseLock(path: path)
            if let warning = lock.warning {
                logger.critical("Accepted jobs may be lost", metadata: ["reason": "\(warning)"])
            }
            return try SQLiteJobStore(
                path: path, lock: lock, readyReaders: ProcessInfo.processInfo.activeProcessorCount + 2,
                uptime: { SystemClock.uptime() },
                onMigration: { progress in
                    logger.notice(
                        "Bringing the database up to date",
                        metadata: [
                            "version": "\(progress.version) of \(progress.newest)", "jobs": "\(progress.jobs)",
                            "percent": "\(progress.percent)",
                        ])
                },
                onTrouble: StoreLog(logger: logger).tell,
                onFatal: { error in
                    logger.critical(
                        "The database can no longer be trusted to keep what it is given; exiting",
                        metadata: ["error": "\(error)"])
                    log.flush()
                    _exit(1)
                })
        } catch let problem as DatabaseLock.Problem {
            switch problem {
            case .held(let pid):
                let owner = pid.map { "process \($0)" } ?? "another process"
                throw Refusal("the database \(path) is in use by \(owner)", exit: ExitStatus.temporary)
            case .failed(let path, let code):
                throw Refusal(
                    "cannot open \(path): \(String(cString: strerror(code)))",
                    exit: DiskFailure.isTemporary(code) ? ExitStatus.temporary : ExitStatus.configuration)
            case .unsafe(let text):
                throw Refusal("cannot open the database: \(text)", exit: ExitStatus.configuration)
            }
        } catch let error as StoreError {
            throw refusal("cannot open the database \(path)", error)
        }
    }

    private static func refusal(_ what: String, _ error: StoreError) -> Refusal {
        switch error {
        case .full, .unavailable, .syncFailed, .busy, .closed:
            Refusal("\(what): \(error)", exit: ExitStatus.temporary)
        case .unsuitable, .corrupt:
            Refusal(
                "\(what): \(error); name another file with --database or DATABASE_URL", exit: ExitStatus.configuration)
        }
    }

    /// Until a signal; then everything ends in order.
    func run() async throws {
        let sender = HTTPWebhookSender(
            secrets: webhookSecrets, version: Version.number, open: outbound,
            guarded: Surfaces.guarded(manifest, port: settings.port, isDev: settings.isDev))
        let engine = engine(sender)
        do {
            try await engine.load()
        } catch {
            throw Self.refusal("cannot read the database", error)
        }
        let accounts = Accounts(
            store: store, now: { [clock] in clock.now().wall }, random: { [random] in random.next() })
        let authenticator = authenticator(accounts)
        var limits = HTTPLimits()
        // An accept that finds no free descriptor would end the listener.
        limits.connections = max(64, min(limits.connections, OpenFiles.limit - 256))
        let surfaces = Surfaces(
            manifest: manifest, engine: engine, authenticator: authenticator, webhookSecrets: webhookSecrets,
            sender: sender, listening: settings.host, isDev: settings.isDev, limits: limits, seed: random.next(),
            logger: logger)
        let reloads = ReloadCounts()
        let reloader = reloader(engine, surfaces, reloads)
        let connections = ConnectionCount()
        surfaces.open(
            OperationsAPI(
                engine: engine, accounts: accounts, manifest: reloader, reloads: reloads, authenticator: authenticator,
                connections: connections, version: Version.number, lostLogLines: { [log] in log.lostLines },
                sink: settings.isDev ? sink(engine) : nil,
                webhookSecret: { [webhookSecrets] in webhookSecrets.secretToTell(of: $0) }, logger: logger,
                ownRole: { await ownFiles(reloader).role(of: $0) },
                makeBackup: { try await makeBackup(engine) }))

        let gates = (engine.services + [watcher(of: reloader), HangUpWatch(reloader: reloader)])
            .map { StartedLater(service: $0) }
        let isListening = Atomic(false)
        let server = HTTPServer(
            responder: surfaces.door, limits: limits, connections: connections, host: settings.host,
            port: settings.port, group: MultiThreadedEventLoopGroup.singleton, logger: logger,
            onListening: { port in
                isListening.store(true, ordering: .relaxed)
                await takeUp(engine)
                surfaces.listen(on: port)
                announce(port)
                for gate in gates { gate.open.set(()) }
                log.write(readyLine.text(port: port))
            })
        // They shut down from the last to the first: the dispatcher drains while HTTP still answers.
        let services: [any Service] = [SignalWatch(), server] + gates
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, failureTerminationBehavior: .cancelGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quietLogger)
        configuration.cancellationSignals = []
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            await store.close()
            if settings.database.isKept { data.withdraw() }
            guard !isListening.load(ordering: .relaxed) else {
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

    /// What a former process left running. The port is ours, so nobody else serves these jobs, and nothing is answered yet.
    private func takeUp(_ engine: JobEngine) async {
        do {
            try await engine.recover()
        } catch {
            // A disk that takes no writes may be read: `Reclaimer` tries again.
            logger.error("Cannot take up attempts that were cut off, trying again", metadata: ["error": "\(error)"])
        }
    }

    /// The service group says at info what our own lines say better.
    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .error)
        return quiet
    }

    private func engine(_ sender: HTTPWebhookSender) -> JobEngine {
        let deployment = Surfaces.deployment(manifest)
        return JobEngine(
            store: store, deployment: deployment,
            handlers: { [clock, random, outbound] function, deployment in
                switch function.handler {
                case .builtin(let builtin): BuiltinHandler(builtin, clock: clock, random: { random.fraction() })
                case .http(let target):
                    HTTPHandler(
                        target, outbound: outbound, clock: clock, version: Version.number,
                        headerPrefix: deployment.webhooks.headerPrefix)
                }
            },
            sender: sender, clock: clock, random: random, logger: logger)
    }

    private func authenticator(_ accounts: Accounts) -> BearerAuthenticator {
        BearerAuthenticator(admin: adminToken) { [logger] token async throws(Problem) in
            do {
                return try await accounts.account(withKey: token)?.id
            } catch {
                logger.error("Cannot look up an API key", metadata: ["error": "\(error)"])
                throw Problem.storeUnavailable
            }
        }
    }

    private func reloader(_ engine: JobEngine, _ surfaces: Surfaces, _ counts: ReloadCounts) -> Reloader {
        Reloader(
            file: settings.manifest, manifest: manifest, counts: counts,
            live: { name in
                let gauge = engine.gauges[name]
                return ManifestChanges.Live(queued: gauge.queued, running: gauge.running)
            },
            apply: { manifest in
                // Without haste; what is swapped then is swapped at once.
                let prepared = await QuietThread.run { surfaces.prepare(manifest) }
                surfaces.adopt(prepared)
            }, onReport: ReloadLog(logger: logger, stream: log, isLoud: settings.isDev).write,
            now: { [clock] in clock.now().wall })
    }

    /// Knows every secret that may have signed what arrives.
    private func sink(_ engine: JobEngine) -> DevSink {
        DevSink(
            candidates: { [webhookSecrets] body in
                let function = body["type"]?.string ?? ""
                var candidates: [DevSink.Candidate] = []
                func add(_ owner: String, _ signer: WebhookSigner) {
                    candidates.append(DevSink.Candidate(owner: owner, secret: webhookSecrets.secret(of: signer)))
                }
                if let secret = engine.deployment.policy(of: function)?.function.onComplete?.secret {
                    add("\(function).onComplete", .secret(secret))
                }
                add("the operator", .operator)
                guard let id = body["jobId"]?.string.flatMap({ JobID($0) }) else { return candidates }
                add("the job", .job(id))
                if case .found(let job)? = try? await engine.lookUp(id), let owner = job.job.account {
                    add("the account", .account(owner))
                }
                return candidates
            }, now: { [clock] in clock.now().wall })
    }

    private func watcher(of reloader: Reloader) -> ManifestWatcher {
        ManifestWatcher(
            files: { await reloader.watched }, isUnsettled: { await reloader.isBroken },
            onChange: { await reloader.fileChanged() })
    }

    /// As they are now: a reload may have changed what the manifest refers to.
    private func ownFiles(_ reloader: Reloader) async -> OwnFiles {
        OwnFiles(
            database: settings.database, open: (store as? SQLiteJobStore)?.openFiles ?? [], data: data,
            manifest: await reloader.watched)
    }

    private func makeBackup(_ engine: JobEngine) async throws -> String {
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
    }

    /// Where the command line finds it. A server that forgets must not be found by those who look for the one that does
    /// not.
    private func announce(_ port: Int) {
        guard settings.database.isKept else { return }
        do {
            try data.announce(url: readyLine.url(port: port))
        } catch {
            logger.warning("Cannot write server.json", metadata: ["error": "\(error)"])
        }
    }

    private var readyLine: ReadyLine {
        ReadyLine(
            host: settings.host, manifest: manifest,
            token: settings.adminTokenSource
                ?? "$(cat '\((settings.dataFolder as NSString).appendingPathComponent("admin-token"))')")
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
