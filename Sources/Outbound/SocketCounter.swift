private import Glibc

/// What the system counts of a connection.
enum SocketCounter {
    /// `tcpi_bytes_received` of the kernel's `struct tcp_info`, which is only ever added to at its end. The C library's header of
    /// that name ends before it.
    private static let offset = 128

    /// Bytes of the stream that have come; nil for what is not a TCP connection.
    static func received(on socket: Int32) -> UInt64? {
        var words = [UInt64](repeating: 0, count: offset / 8 + 1)
        var length = socklen_t(words.count * 8)
        guard getsockopt(socket, Int32(IPPROTO_TCP), TCP_INFO, &words, &length) == 0, length >= offset + 8 else {
            return nil
        }
        return words[offset / 8]
    }
}
