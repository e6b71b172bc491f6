internal import FoundationEssentials
internal import Glibc
private import Platform
private import Synchronization

/// One set of watches, until something happens or the poll is due. Waits on a thread of its own.
final class WatchSession: Sendable {
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
                folder = PathText.parent(ofAbsolute: folder)
                continue
            }
            guard name != "." else { continue }
            steps.append((folder, name))
            let full = PathText.join(folder, name)
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
            NamedThread.start("sluice-watch") { [self] in
                watch(pollMilliseconds: pollMilliseconds, quiet: quiet, patience: patience)
                continuation.resume()
            }
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
