import Foundation
import Glibc
import Synchronization

/// A server made for tests: it does with each connection whatever the test wants, on a thread of its own.
package final class RawServer: Sendable {
    private struct State {
        var connections = 0
        var requests: [String] = []
    }

    package let port: Int
    private let descriptor: Int32
    private let state = Mutex(State())
    private let isOver = Atomic(false)

    /// - Parameters:
    ///   - accepts: false for a listener whose backlog is full: connections are never made.
    ///   - behave: called for each connection; what it throws ends that connection only.
    package init(accepts: Bool = true, _ behave: @escaping @Sendable (RawPeer) throws -> Void = { _ in }) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { socket in
                bind(descriptor, socket, length) == 0 && listen(descriptor, accepts ? 128 : 0) == 0
                    && getsockname(descriptor, socket, &length) == 0
            }
        }
        guard bound else { throw RawConnection.Failure(description: "cannot listen: \(errno)") }
        port = Int(UInt16(bigEndian: address.sin_port))
        guard accepts else { return }
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0, let self, !self.isOver.load(ordering: .relaxed) else { break }
                state.withLock { $0.connections += 1 }
                let peer = RawPeer(connection) { [weak self] request in
                    self?.state.withLock { $0.requests.append(request) }
                }
                Thread.detachNewThread {
                    try? behave(peer)
                    peer.close()
                }
            }
            Glibc.close(descriptor)
        }
    }

    deinit {
        isOver.store(true, ordering: .relaxed)
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    package var url: String { "http://127.0.0.1:\(port)" }
    package var connections: Int { state.withLock { $0.connections } }
    /// Every whole request that has come, on any connection.
    package var requests: [String] { state.withLock { $0.requests } }
}

/// One connection to a `RawServer`.
package final class RawPeer: @unchecked Sendable {
    // Used by the connection's thread only.
    private let descriptor: Int32
    private let note: (String) -> Void
    private var buffer: [UInt8] = []
    private var isClosed = false

    init(_ descriptor: Int32, note: @escaping (String) -> Void) {
        self.descriptor = descriptor
        self.note = note
    }

    /// Head and body, by Content-Length; throws at the end of the connection.
    @discardableResult package func request() throws -> String {
        while true {
            let text = String(decoding: buffer, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                let head = text[..<end.lowerBound]
                let length =
                    head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
                let whole = text.utf8.distance(from: text.startIndex, to: end.upperBound) + length
                if buffer.count >= whole {
                    let request = String(decoding: buffer[..<whole], as: UTF8.self)
                    buffer.removeFirst(whole)
                    note(request)
                    return request
                }
            }
            var piece = [UInt8](repeating: 0, count: 65_536)
            let count = read(descriptor, &piece, piece.count)
            guard count > 0 else { throw RawConnection.Failure(description: "closed") }
            buffer += piece[..<count]
        }
    }

    package func send(_ text: String) throws { try send(Array(text.utf8)) }

    package func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw RawConnection.Failure(description: "closed") }
            sent += count
        }
    }

    /// Over and over, until the other side has had enough.
    package func sendForever(_ text: String, pause: Double = 0) throws -> Never {
        while true {
            try send(text)
            if pause > 0 { Thread.sleep(forTimeInterval: pause) }
        }
    }

    /// Until the other side closes.
    package func waitForClose() {
        var piece = [UInt8](repeating: 0, count: 4096)
        while read(descriptor, &piece, piece.count) > 0 {}
    }

    /// With an RST instead of a FIN.
    package func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close()
    }

    package func close() {
        guard !isClosed else { return }
        isClosed = true
        Glibc.close(descriptor)
    }
}
