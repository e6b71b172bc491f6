internal import Accounts
internal import FunctionManifest
internal import Glibc
internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
package import Logging
internal import OperationsAPI
internal import Outbound
internal import ServiceLifecycle
private import Synchronization
internal import Timing
internal import Webhooks

/// The composition root: opens what a server lives on, puts its parts together and runs them until a signal.
package struct Server: Sendable {
    private let settings: Settings
    private let log: LogStream
    private let logger: Logger
    private let manifest: Manifest
    private let data: DataFolder
    private let secrets: ServerSecrets
    private let store: any HostedStore
    private let random = RandomSource()
    private let clock = SystemClock()
    /// For URLs that stand in the manifest: the operator's, which may go anywhere.
    private let outbound = Outbound(policy: .anywhere)

    /// Throws `StartRefusal`.
    package init(
        _ settings: Settings, log: LogStream,
        openStore: StoreOpener = { try SQLiteOpener.open($0, logger: $1, stream: $2) }
    ) throws {
        self.settings = settings
        self.log = log
        ProcessSignals.ignore()
        OpenFiles.raiseLimit()
        manifest = try FirstManifest.load(settings.manifest, log)
        logger = ServerLog.logger(settings, to: log, now: { [clock] in clock.now().wall })
        data = DataFolder(path: settings.dataFolder)
        if geteuid() == 0 { logger.warning("Running as root: a user of its own is safer, and owns its files") }
        do {
            for warning in try data.prepare(database: settings.database.folder) { logger.warning("\(warning)") }
            secrets = try ServerSecrets(settings, in: data, random: { [random] in random.next() })
        } catch {
            throw StartRefusal(error)
        }
        store = try openStore(settings.database.path, logger, log)
        data.removeLeftovers()
    }

    /// Until a signal; then everything ends in order. Throws `StartRefusal`.
    package func run() async throws {
        let guarded = GuardedOutbound(
            RunningManifest.egressPolicy(manifest, port: settings.port, isDev: settings.isDev))
        let sender = HTTPWebhookSender(
            secrets: secrets.webhooks, version: Version.number, open: outbound, guarded: guarded)
        let handlers = HandlerFactory(clock: clock, random: random, outbound: outbound, guarded: guarded)
        let engine = JobEngine(
            store: store, deployment: RunningManifest.deployment(manifest),
            handlers: { handlers.handler(of: $0, $1) }, sender: sender, clock: clock, random: random, logger: logger)
        do {
            try await engine.load()
        } catch {
            throw StartRefusal("cannot read the database", error)
        }
        let accounts = Accounts(
            store: store, now: { [clock] in clock.now().wall }, random: { [random] in random.next() })
        do {
            try await accounts.load()
        } catch {
            throw StartRefusal("cannot read the database", error)
        }
        let authenticator = BearerAuthenticator(admin: secrets.adminToken, accounts: accounts)
        let running = RunningManifest(
            manifest: manifest, engine: engine, authenticator: authenticator, webhookSecrets: secrets.webhooks,
            guarded: guarded, listening: settings.host, isDev: settings.isDev,
            // Files, sockets of targets and the database want some, too.
            connectionLimit: max(128, OpenFiles.limit - 256), seed: random.next(), logger: logger)
        let reloading = Reloading(
            of: settings.manifest, manifest, running, engine,
            log: ReloadLog(logger: logger, stream: log, isLoud: settings.isDev), now: { [clock] in clock.now().wall })
        running.open(operations(engine, accounts, reloading, running.connections))

        let meter = spaceMeter(engine)
        meter.look()
        let later = (engine.services + reloading.services + [meter]).map { StartedLater(service: $0) }
        let isListening = Atomic(false)
        let server = HTTPServer(
            door: running.door, limits: HTTPLimits(), connections: running.connections, host: settings.host,
            port: settings.port, grace: { .seconds(5) }, logger: logger,
            onListening: { port in
                isListening.store(true, ordering: .relaxed)
                await takeUp(engine)
                running.listen(on: port)
                announce(port)
                for service in later { service.open.set(()) }
                log.write(readyLine.text(port: port))
            })
        // The dispatcher drains while HTTP still answers.
        let ended: Result<Void, any Error>
        do {
            ended = .success(try await ServerLifetime(services: [server] + later, logger: logger).run())
        } catch {
            ended = .failure(error)
        }
        await store.close()
        data.withdraw()
        if case .failure(let error) = ended {
            throw refusal(of: error, wasListening: isListening.load(ordering: .relaxed))
        }
        logger.info("Stopped")
    }

    private func spaceMeter(_ engine: JobEngine) -> SpaceMeter {
        SpaceMeter(
            measure: { [path = settings.database.path] in SpaceMeter.freeBytes(beside: path) },
            tell: { engine.freeSpace.measured($0) })
    }

    private func refusal(of error: any Error, wasListening: Bool) -> StartRefusal {
        wasListening
            ? StartRefusal("the server ended: \(error)", .failure)
            : StartRefusal(
                "cannot listen on \(settings.host) port \(settings.port): \(error); choose another with --port or --host",
                .configuration)
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

    /// Where the command line finds it.
    private func announce(_ port: Int) {
        do {
            try data.announce(url: readyLine.url(port: port))
        } catch {
            logger.warning("Cannot write server.json", metadata: ["error": "\(error)"])
        }
    }

    private var readyLine: ReadyLine { ReadyLine(settings, manifest) }

    private func operations(
        _ engine: JobEngine, _ accounts: Accounts, _ reloading: Reloading,
        _ connections: Connections
    ) -> OperationsAPI {
        let backups = BackupMaker(store: store, data: data, random: random, logger: logger)
        let sink = SinkSecrets(engine: engine, secrets: secrets.webhooks)
        return OperationsAPI(
            engine: engine, accounts: accounts, manifest: reloading.reloader, reloads: reloading.counts,
            connections: connections, version: Version.number,
            lostLogLines: { [log] in log.lostLines },
            sink: settings.isDev
                ? DevSink(candidates: { await sink.candidates(for: $0) }, now: { [clock] in clock.now().wall }) : nil,
            webhookSecret: { [secrets] in secrets.webhooks.secretToTell(of: $0) }, logger: logger,
            ownRole: { await ownFiles(reloading.reloader).role(of: $0) },
            makeBackup: { try await backups.make(isStopping: { engine.isDraining }) })
    }

    /// As they are now: a reload may have changed what the manifest refers to.
    private func ownFiles(_ reloader: Reloader) async -> OwnFiles {
        OwnFiles(database: settings.database, open: store.openFiles, data: data, manifest: await reloader.watched)
    }
}
