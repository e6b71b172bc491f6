internal import Foundation
internal import Glibc
internal import ServiceLifecycle
private import Synchronization

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

/// What can be seen of a file from outside.
private struct FileState: Equatable {
    var device: UInt64 = 0
    var inode: UInt64 = 0
    var size: Int64 = 0
    var modified: Int64 = 0
    var changed: Int64 = 0

    init(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    }
}

/// One set of watches, until something happens or the poll is due. Waits on a thread of its own.
private final class WatchSession: Sendable {
    private let descriptor: Int32
    /// A pipe: what is written into the one end is seen at the other.
    private let stopped: Int32
    private let stopper: Int32
    /// The names that count in each watched folder; an empty set for a watched file.
    private let names: [Int32: Set<String>]
    private let seen = Atomic(false)

    init(paths: [String], mask: UInt32) {
        descriptor = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        var pipe: [Int32] = [-1, -1]
        if Glibc.pipe(&pipe) == 0 { for end in pipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) } }
        (stopped, stopper) = (pipe[0], pipe[1])
        var names: [Int32: Set<String>] = [:]
        for path in paths {
            for (folder, name) in Self.trail(of: path) {
                let watch = inotify_add_watch(descriptor, folder, mask)
                if watch >= 0 { names[watch, default: []].insert(name) }
            }
            // A file that is mounted by itself changes without its folder.
            let watch = inotify_add_watch(descriptor, path, mask)
            if watch >= 0, names[watch] == nil { names[watch] = [] }
        }
        self.names = names
    }

    deinit {
        close(descriptor)
        close(stopped)
        close(stopper)
    }

    var hasSeen: Bool { seen.load(ordering: .relaxed) }

    func stop() {
        var one: UInt8 = 1
        _ = write(stopper, &one, 1)
    }

    /// Every folder and the name in it that a path leads through, links and their targets included.
    private static func trail(of path: String) -> [(folder: String, name: String)] {
        var steps: [(String, String)] = []
        var folder = "/"
        var rest = URL(fileURLWithPath: path).path.split(separator: "/").map(String.init)
        // Links may lead in a circle.
        var hops = 0
        while !rest.isEmpty, hops < 40 {
            let name = rest.removeFirst()
            if name == ".." {
                folder = (folder as NSString).deletingLastPathComponent
                continue
            }
            guard name != "." else { continue }
            steps.append((folder, name))
            let full = (folder as NSString).appendingPathComponent(name)
            if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: full) {
                hops += 1
                rest = target.split(separator: "/").map(String.init) + rest
                if target.hasPrefix("/") { folder = "/" }
            } else {
                folder = full
            }
        }
        return steps
    }

    /// Returns when something that counts has happened and nothing more comes for a while, at the poll, or when stopped.
    func wait(pollMilliseconds: Int32, quiet: Int32, patience: Duration) async {
        await withCheckedContinuation { continuation in
            let thread = Thread { [self] in
                Thread.current.name = "sluice-manifest"
                watch(pollMilliseconds: pollMilliseconds, quiet: quiet, patience: patience)
                continuation.resume()
            }
            thread.start()
        }
    }

    private func watch(pollMilliseconds: Int32, quiet: Int32, patience: Duration) {
        let end = ContinuousClock.now + .milliseconds(Int(pollMilliseconds))
        while !hasSeen {
            let left = (end - ContinuousClock.now) / .milliseconds(1)
            guard left > 0, ready(Int32(max(1, left))) else { return }
            if drain() { seen.store(true, ordering: .relaxed) }
        }
        let latest = ContinuousClock.now + patience
        while ContinuousClock.now < latest, ready(quiet) { _ = drain() }
    }

    /// False when the time is up or somebody stopped it.
    private func ready(_ milliseconds: Int32) -> Bool {
        var descriptors = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stopped, events: Int16(POLLIN), revents: 0),
        ]
        return poll(&descriptors, 2, milliseconds) > 0 && descriptors[1].revents == 0
    }

    /// Reads all events; whether one of them counts.
    private func drain() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        var counts = false
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return counts }
            counts = Self.contains(buffer[..<count], names) || counts
        }
    }

    /// inotify(7): a watch, a mask, a cookie, the length of the name, the name with NULs behind it.
    private static func contains(_ bytes: ArraySlice<UInt8>, _ names: [Int32: Set<String>]) -> Bool {
        let header = 16
        var offset = bytes.startIndex
        while offset + header <= bytes.endIndex {
            func word(_ index: Int) -> UInt32 {
                (0..<4).reduce(0) { $0 | UInt32(bytes[offset + index * 4 + $1]) << UInt32($1 * 8) }
            }
            let length = min(Int(word(3)), bytes.endIndex - offset - header)
            let watch = Int32(bitPattern: word(0))
            let name = String(
                decoding: bytes[(offset + header)..<(offset + header + length)].prefix { $0 != 0 }, as: UTF8.self)
            // Too many at once: some were lost.
            if word(1) & UInt32(IN_Q_OVERFLOW) != 0 { return true }
            if let wanted = names[watch], name.isEmpty || wanted.contains(name) { return true }
            offset += header + length
        }
        return false
    }
}
