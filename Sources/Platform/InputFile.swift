private import Glibc

/// A file that is read from its beginning on, piece by piece.
package final class InputFile: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        /// As in errno(3).
        package var code: Int32

        package var description: String { String(cString: strerror(code)) }
    }

    package static let standardInput = InputFile(descriptor: STDIN_FILENO)

    private let descriptor: Int32

    private init(descriptor: Int32) { self.descriptor = descriptor }

    package convenience init(path: String) throws(Failure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(code: errno) }
        self.init(descriptor: descriptor)
    }

    deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

    /// Fewer bytes than asked for come only at the end, and none after it.
    package func read(upTo count: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(count, 64 << 10))
        while bytes.count < count {
            let got = Glibc.read(descriptor, &buffer, min(buffer.count, count - bytes.count))
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw Failure(code: errno) }
            if got == 0 { break }
            bytes += buffer[..<got]
        }
        return bytes
    }
}
