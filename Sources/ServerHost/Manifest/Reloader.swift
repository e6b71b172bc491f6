internal import FunctionManifest
internal import JobModel
internal import Logging
internal import OperationsAPI

/// Keeps a server and its manifest together. A reload is a transaction: read whole, check whole, compare, swap; or the
/// last good revision stays and everybody can see why.
actor Reloader: ManifestControl {
    private let file: ManifestFile
    private let live: @Sendable (String) -> ManifestChanges.Live
    private let apply: @Sendable (Manifest) async -> Void
    private let onReport: @Sendable (ReloadAnswer) -> Void
    private let now: @Sendable () -> Timestamp
    private let counts: ReloadCounts

    private var manifest: Manifest
    private var loadedAt: Timestamp
    private var failure: ManifestFailure?
    /// One reload after the other: who comes meanwhile waits here.
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// - Parameters:
    ///   - live: the jobs of a function.
    ///   - apply: puts a manifest in force; never fails.
    ///   - onReport: is told of every reload that changed something, and of every manifest that was not taken.
    init(
        file: ManifestFile, manifest: Manifest, counts: ReloadCounts,
        live: @escaping @Sendable (String) -> ManifestChanges.Live, apply: @escaping @Sendable (Manifest) async -> Void,
        onReport: @escaping @Sendable (ReloadAnswer) -> Void, now: @escaping @Sendable () -> Timestamp
    ) {
        self.file = file
        self.manifest = manifest
        self.counts = counts
        self.live = live
        self.apply = apply
        self.onReport = onReport
        self.now = now
        loadedAt = now()
        counts.loaded(at: loadedAt)
    }

    func status() -> ManifestStatus {
        ManifestStatus(
            file: file.path, revision: manifest.revision, loadedAt: loadedAt, functions: manifest.functions.count,
            reloads: counts.taken, failure: failure)
    }

    /// The file is not what is in force: what it refers to may be what is missing, so it is looked at again and again.
    var isBroken: Bool { failure != nil }

    /// Files whose change may change the manifest.
    var watched: [String] { file.watched(manifest) }

    func reload() async -> ReloadAnswer {
        await begin()
        defer { end() }
        return await take(await look())
    }

    func check(_ bytes: [UInt8]?) async -> ReloadAnswer {
        await begin()
        defer { end() }
        return switch await look(bytes) {
        case .success(let (next, warnings)): .taken(await report(on: next, warnings))
        case .failure(let failure): .refused(failure)
        }
    }

    private func look(_ bytes: [UInt8]? = nil) async -> ManifestFile.Attempt {
        let (file, references, time) = (file, manifest.references, now())
        return await ManifestThread.run {
            bytes.map { file.attempt($0, inForce: references, at: time) } ?? file.attempt(at: time)
        }
    }

    private func begin() async {
        guard isBusy else {
            isBusy = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func end() {
        if waiting.isEmpty { isBusy = false } else { waiting.removeFirst().resume() }
    }

    /// Something happened to the file. What is half-written is looked at once more before it is told.
    func fileChanged() async {
        await begin()
        defer { end() }
        var attempt = await look()
        if case .failure(let first) = attempt {
            guard first.text != failure?.text else { return }
            try? await Task.sleep(for: .milliseconds(80))
            attempt = await look()
        }
        _ = await take(attempt)
    }

    private func take(_ attempt: ManifestFile.Attempt) async -> ReloadAnswer {
        switch attempt {
        case .failure(let refused):
            let isNew = refused.text != failure?.text
            failure = refused
            if isNew {
                counts.refuse()
                onReport(.refused(refused))
            }
            return .refused(refused)
        case .success(let (next, warnings)):
            var report = await report(on: next, warnings)
            let wasBroken = failure != nil
            failure = nil
            counts.recover()
            guard next.revision != manifest.revision else {
                if wasBroken { onReport(.taken(report)) }
                return .taken(report)
            }
            await apply(next)
            manifest = next
            loadedAt = now()
            report.loadedAt = loadedAt
            counts.loaded(at: loadedAt)
            counts.take()
            onReport(.taken(report))
            return .taken(report)
        }
    }

    private func report(on next: Manifest, _ warnings: [ManifestProblem]) async -> ReloadReport {
        let former = manifest
        let changes = await ManifestThread.run { ManifestChanges(from: former, to: next) }
        let touched = changes.added + changes.removed + changes.changed.map(\.name)
        return ReloadReport(
            revision: next.revision, former: manifest.revision, loadedAt: loadedAt, changes: changes,
            live: Dictionary(touched.map { ($0, live($0)) }, uniquingKeysWith: { first, _ in first }),
            warnings: warnings)
    }
}
