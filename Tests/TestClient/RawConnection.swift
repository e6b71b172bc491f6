import Foundation
import Glibc

/// A TCP connection to a server under test, byte by byte: what well-behaved clients cannot send, this one can.
///
/// Its calls block, so they run on threads of their own, never on the pool that tests share.
package final class RawConnection: @unchecked Sendable {
    // One task uses it at a time.
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    package init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw Failure(description: "connect: \(reason)")
        }
    }

    deinit { close(descriptor) }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends all of it; throws when the server has closed or reset.
    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "send: \(String(cString: strerror(errno)))") }
            sent += count
        }
    }

    /// No more from this side; the other may go on.
    package func shutDownOutput() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// The next whole response on this connection.
    ///
    /// - Parameter toHead: the request was a HEAD, so no body follows.
    package func response(seconds: Double = 10, toHead: Bool = false) throws -> HTTPReply {
        while true {
            let head = try readHead(seconds: seconds)
            var reply = try HTTPReply(head: head)
            // Interim answers come before the final one.
            if reply.status == 100 { continue }
            if toHead || reply.status == 204 || reply.status == 304 { return reply }
            if reply["transfer-encoding"] == "chunked" {
                reply.body = try readChunks(seconds: seconds)
            } else if let length = reply["content-length"].flatMap({ Int($0) }) {
                reply.body = try take(length, seconds: seconds)
            } else {
                reply.body = try readToEnd(seconds: seconds)
            }
            return reply
        }
    }

    /// Everything up to an empty line.
    package func readHead(seconds: Double = 10) throws -> String {
        while true {
            if let end = buffer.indices.first(where: { buffer[$0...].starts(with: Array("\r\n\r\n".utf8)) }) {
                let head = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeFirst(end + 4)
                return head
            }
            guard try fill(seconds: seconds) else {
                throw Failure(description: "closed within a head: \(String(decoding: buffer, as: UTF8.self))")
            }
        }
    }

    package func readToEnd(seconds: Double = 10) throws -> [UInt8] {
        while try fill(seconds: seconds) {}
        defer { buffer = [] }
        return buffer
    }

    /// Whether the server closes within this time, sending nothing more.
    package func isClosed(within seconds: Double) -> Bool {
        (try? fill(seconds: seconds)) == false
    }

    private func take(_ count: Int, seconds: Double) throws -> [UInt8] {
        while buffer.count < count {
            guard try fill(seconds: seconds) else { throw Failure(description: "closed within a body") }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer[..<count])
    }

    private func readChunks(seconds: Double) throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            var line: [UInt8] = []
            while line.suffix(2) != [13, 10] { line += try take(1, seconds: seconds) }
            let size = Int(String(decoding: line.dropLast(2), as: UTF8.self), radix: 16) ?? 0
            body += try take(size, seconds: seconds)
            _ = try take(2, seconds: seconds)
            if size == 0 { return body }
        }
    }

    /// False at the end of the stream.
    private func fill(seconds: Double) throws -> Bool {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, Int32(seconds * 1000)) > 0 else {
            throw Failure(description: "nothing came within \(seconds) s")
        }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count >= 0 else { throw Failure(description: "recv: \(String(cString: strerror(errno)))") }
        buffer += chunk[..<count]
        return count > 0
    }
}
