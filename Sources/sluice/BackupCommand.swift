internal import ArgumentParser
internal import Foundation
internal import PayloadSchema
private import Synchronization

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Writes a copy of the server's database, while it serves.",
        discussion: """
            The copy is of one moment: every job that was accepted before is in it, whole. It replaces FILE when it is
            complete. To restore it, stop the server, put the file in the database's place, remove the -wal and -shm files
            beside it, and start.

            EXAMPLES
              sluice backup sluice-$(date +%F).db
              sluice serve --database sqlite:sluice-2030-01-01.db
            """)

    @OptionGroup var options: ServerOptions
    @Argument(help: "The file to write.") var file: String

    func run() async throws {
        try await reporting {
            let server = try options.connect()
            let target = try NewFile(replacing: file)
            try await server.download("/v1/backup") { try target.write($0) }
            let bytes = try target.commit()
            if options.json {
                Output.line(["file": .string(file), "bytes": .integer(bytes)])
            } else {
                print("\(file): \(bytes) bytes")
            }
        }
    }
}

/// A file that comes into being whole or not at all: written beside its place, synced, renamed. Readable by its owner
/// only.
final class NewFile: Sendable {
    private let path: String
    private let temporary: String
    private let descriptor: Int32
    private let isNameless: Bool
    private let size = Atomic(0)
    private let isCommitted = Atomic(false)

    init(replacing path: String) throws {
        var status = stat()
        // A rename would take the place of a device or fail on a folder.
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw CommandFailure("\(path) is there and is no regular file", ExitStatus.failure)
        }
        self.path = path
        temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).part"
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        // A file without a name: whichever way this process ends, nothing of it stays.
        let nameless = open(folder, O_WRONLY | Self.noName | O_CLOEXEC, 0o600)
        isNameless = nameless >= 0
        descriptor = nameless >= 0 ? nameless : open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure(temporary) }
    }

    /// O_TMPFILE (open(2)), which the Glibc module leaves out.
    private static let noName: Int32 = 0o20_000_000 | O_DIRECTORY

    deinit {
        close(descriptor)
        if !isNameless, !isCommitted.load(ordering: .relaxed) { unlink(temporary) }
    }

    func write(_ bytes: [UInt8]) throws {
        size.add(bytes.count, ordering: .relaxed)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { written += count } else if errno != EINTR { throw Self.failure(path) }
        }
    }

    /// - Returns: how many bytes it has.
    func commit() throws -> Int {
        if isNameless {
            unlink(temporary)
            let linked = linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, temporary, AT_SYMLINK_FOLLOW)
            guard linked == 0 else { throw Self.failure(temporary) }
        }
        guard fsync(descriptor) == 0, rename(temporary, path) == 0 else { throw Self.failure(path) }
        isCommitted.store(true, ordering: .relaxed)
        return size.load(ordering: .relaxed)
    }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure("cannot write \(path): \(String(cString: strerror(errno)))", ExitStatus.failure)
    }
}
