internal import Foundation
internal import FunctionManifest
internal import JobModel
internal import Logging
internal import OperationsAPI

/// Keeps a server and its manifest together. A reload is a transaction: read whole, check whole, compare, swap; or the
/// last good revision stays and everybody can see why.
actor Reloader: ManifestControl {
    private let file: ManifestFile
    private let live: @Sendable (String) -> ManifestChanges.Live
    private let apply: @Sendable (Manifest) -> Void
    private let onReport: @Sendable (ReloadAnswer) -> Void
    private let now: @Sendable () -> Timestamp
    private let counts: ReloadCounts

    private var manifest: Manifest
    private var loadedAt: Timestamp
    private var failure: ManifestFailure?

    /// - Parameters:
    ///   - live: the jobs of a function.
    ///   - apply: puts a manifest in force; never fails.
    ///   - onReport: is told of every reload that changed something, and of every manifest that was not taken.
    init(
        file: ManifestFile, manifest: Manifest, counts: ReloadCounts,
        live: @escaping @Sendable (String) -> ManifestChanges.Live, apply: @escaping @Sendable (Manifest) -> Void,
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

    /// Files whose change may change the manifest.
    var watched: [String] { file.watched(manifest) }

    func reload() -> ReloadAnswer { take(file.attempt(at: now())) }

    func check(_ bytes: [UInt8]?) -> ReloadAnswer {
        switch bytes.map({ file.attempt($0, at: now()) }) ?? file.attempt(at: now()) {
        case .success(let (next, warnings)): .taken(report(on: next, warnings))
        case .failure(let failure): .refused(failure)
        }
    }

    /// Something happened to the file. What is half-written is looked at once more before it is told.
    func fileChanged() async {
        var attempt = file.attempt(at: now())
        if case .failure(let first) = attempt {
            guard first.text != failure?.text else { return }
            try? await Task.sleep(for: .milliseconds(80))
            attempt = file.attempt(at: now())
        }
        _ = take(attempt)
    }

    private func take(_ attempt: ManifestFile.Attempt) -> ReloadAnswer {
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
            let report = report(on: next, warnings)
            let wasBroken = failure != nil
            failure = nil
            counts.recover()
            guard next.revision != manifest.revision else {
                if wasBroken { onReport(.taken(report)) }
                return .taken(report)
            }
            apply(next)
            manifest = next
            loadedAt = now()
            counts.loaded(at: loadedAt)
            counts.take()
            onReport(.taken(report))
            return .taken(report)
        }
    }

    private func report(on next: Manifest, _ warnings: [ManifestProblem]) -> ReloadReport {
        let changes = ManifestChanges(from: manifest, to: next)
        let touched = changes.added + changes.removed + changes.changed.map(\.name)
        return ReloadReport(
            revision: next.revision, former: manifest.revision, changes: changes,
            live: Dictionary(touched.map { ($0, live($0)) }, uniquingKeysWith: { first, _ in first }),
            warnings: warnings)
    }
}
