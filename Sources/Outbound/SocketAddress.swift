// Both: which of them an address's fields belong to depends on what the compiler has read first.
internal import CCurl
internal import Glibc
package import JobModel

/// Address and port of a socket.
package struct SocketAddress {
    let address: IPAddress
    let port: Int

    /// nil for what is neither IPv4 nor IPv6.
    init?(_ pointer: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(pointer)
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET:
            let four = raw.loadUnaligned(as: sockaddr_in.self)
            address = IPAddress(ipv4: withUnsafeBytes(of: four.sin_addr) { Array($0) })
            port = Int(UInt16(bigEndian: four.sin_port))
        case AF_INET6:
            let six = raw.loadUnaligned(as: sockaddr_in6.self)
            address = IPAddress(ipv6: withUnsafeBytes(of: six.sin6_addr) { Array($0) })
            port = Int(UInt16(bigEndian: six.sin6_port))
        default:
            return nil
        }
    }
}

extension SocketAddress {
    /// Those of this machine's interfaces, now; none when the system does not say.
    package static func ofThisMachine() -> [IPAddress] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        return sequence(first: list, next: { $0?.pointee.ifa_next }).compactMap { entry in
            (entry?.pointee.ifa_addr).flatMap { SocketAddress(UnsafePointer($0))?.address }
        }
    }
}
