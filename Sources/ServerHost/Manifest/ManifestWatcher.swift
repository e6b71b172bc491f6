internal import Glibc
internal import ServiceLifecycle

/// Tells when one of some files may have changed, in whatever way: written in place, replaced, deleted, its link or its
/// folder swapped. inotify on every folder that the paths lead through, and a slow poll behind it, for file systems that
/// tell nothing.
final class ManifestWatcher: Service {
    private static let pollMilliseconds: Int32 = 2000
    /// Editors write in several steps: so long nothing more must come, ...
    private static let quietMilliseconds: Int32 = 25
    /// ... but no longer than this is waited for it.
    private static let patience = Duration.milliseconds(120)
    /// `IN_MODIFY` is left out: a database in the same folder is modified all the time, and whoever has written closes.
    private static let mask = UInt32(
        IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB
    )

    private let files: @Sendable () async -> [String]
    private let isUnsettled: @Sendable () async -> Bool
    private let onChange: @Sendable () async -> Void

    /// - Parameters:
    ///   - files: what to watch; asked again after every change.
    ///   - isUnsettled: look at every poll, whatever is seen of the files.
    ///   - onChange: something may have changed.
    init(
        files: @escaping @Sendable () async -> [String], isUnsettled: @escaping @Sendable () async -> Bool,
        onChange: @escaping @Sendable () async -> Void
    ) {
        self.files = files
        self.isUnsettled = isUnsettled
        self.onChange = onChange
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            var seen: [FileState]?
            while !Task.isCancelled {
                let paths = await files()
                let session = WatchSession(paths: paths, mask: Self.mask)
                let states = paths.map(FileState.init)
                // What changed while nobody watched, or in a way that nobody told.
                if seen != states { await onChange() }
                seen = states
                await withTaskCancellationHandler {
                    await session.wait(
                        pollMilliseconds: Self.pollMilliseconds, quiet: Self.quietMilliseconds, patience: Self.patience)
                } onCancel: {
                    session.stop()
                }
                guard !Task.isCancelled else { return }
                if session.hasSeen { await onChange() } else if await isUnsettled() { await onChange() }
            }
        }
    }
}
