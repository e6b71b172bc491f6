internal import FunctionManifest
internal import JobEngine
internal import JobModel
internal import OperationsAPI
internal import ServiceLifecycle

/// What keeps the manifest in force and its file together: the reloader, and those who tell it to look.
struct Reloading: Sendable {
    let reloader: Reloader
    let counts = ReloadCounts()

    /// - Parameter manifest: the one in force now, as the file had it.
    init(
        of file: ManifestFile, _ manifest: Manifest, _ running: RunningManifest, _ engine: JobEngine, log: ReloadLog,
        now: @escaping @Sendable () -> Timestamp
    ) {
        reloader = Reloader(
            file: file, manifest: manifest, counts: counts,
            live: { name in
                let gauge = engine.counts(of: name)
                return ManifestChanges.Live(queued: gauge.queued, running: gauge.running)
            },
            apply: { manifest in
                let prepared = await ManifestThread.run { running.prepare(manifest) }
                running.adopt(prepared)
            }, onReport: log.write, now: now)
    }

    var services: [any Service] {
        [
            ManifestWatcher(
                files: { [reloader] in await reloader.watched }, isUnsettled: { [reloader] in await reloader.isBroken },
                onChange: { [reloader] in await reloader.fileChanged() }),
            ReloadSignal(reloader: reloader),
        ]
    }
}
