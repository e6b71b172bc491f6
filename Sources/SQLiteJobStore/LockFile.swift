private import Glibc

/// One process per database: an advisory lock on a file beside it, which holds the owner's pid for people to read. The
/// kernel gives the lock up when the process ends, however it ends.
package final class LockFile: Sendable {
    package enum Problem: Error, Equatable, Sendable {
        /// Another process has it; its pid when it could be read.
        case held(by: Int32?)
        case failed(path: String, reason: String)
    }

    private let descriptor: Int32

    package init(path: String) throws(Problem) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .failed(path: path, reason: String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            defer { close(descriptor) }
            guard reason == EWOULDBLOCK else { throw .failed(path: path, reason: String(cString: strerror(reason))) }
            throw .held(by: Self.owner(descriptor))
        }
        ftruncate(descriptor, 0)
        let text = Array("\(getpid())\n".utf8)
        _ = pwrite(descriptor, text, text.count, 0)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private static func owner(_ descriptor: Int32) -> Int32? {
        var buffer = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: buffer[..<count].prefix { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self))
    }
}
