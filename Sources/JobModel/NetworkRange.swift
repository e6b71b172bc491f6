internal import Glibc

/// An IPv4 or IPv6 address as 16 bytes; IPv4 stands in its mapped form (RFC 4291, section 2.5.5.2).
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    package let bytes: [UInt8]

    package var isIPv4: Bool { bytes[..<12].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]) }

    /// Dotted decimal or RFC 4291 text, without brackets, port or zone.
    package init?(_ text: String) {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF] + withUnsafeBytes(of: four) { Array($0) }
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        bytes = withUnsafeBytes(of: six) { Array($0) }
    }

    /// Four bytes, in network order.
    package init(ipv4: [UInt8]) { bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF] + Self.padded(ipv4, to: 4) }

    /// Sixteen bytes, in network order.
    package init(ipv6: [UInt8]) { bytes = Self.padded(ipv6, to: 16) }

    private static func padded(_ bytes: [UInt8], to count: Int) -> [UInt8] {
        Array(bytes.prefix(count)) + [UInt8](repeating: 0, count: max(0, count - bytes.count))
    }

    /// "Any address" (RFC 4291, section 2.5.2); connecting to it reaches this machine.
    package var isUnspecified: Bool { bytes[(isIPv4 ? 12 : 0)...].allSatisfy { $0 == 0 } }

    package var isLoopback: Bool {
        isIPv4 ? bytes[12] == 127 : bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    package var description: String {
        if isIPv4 { return bytes[12...].map(String.init).joined(separator: ".") }
        var six = in6_addr()
        withUnsafeMutableBytes(of: &six) { $0.copyBytes(from: bytes) }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, &six, &text, socklen_t(text.count)) != nil else { return "::" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// A range of addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3).
package struct NetworkRange: Hashable, Sendable, CustomStringConvertible {
    private let network: IPAddress
    /// Leading bits of the 16 bytes that count.
    private let bits: Int

    /// `10.0.0.0/8`, `fd00::/8`, or one address.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let first = parts.first, let network = IPAddress(first) else { return nil }
        let offset = network.isIPv4 && !first.contains(":") ? 96 : 0
        if parts.count == 2 {
            guard let length = Int(parts[1]), parts[1].allSatisfy(\.isNumber), length >= 0, length + offset <= 128
            else { return nil }
            bits = length + offset
        } else {
            bits = 128
        }
        self.network = network
    }

    /// Whether it is written with an address within the network, not with the network's own.
    package var hasHostBits: Bool {
        for index in 0..<16 {
            let counted = min(8, max(0, bits - index * 8))
            if network.bytes[index] & UInt8(0xFF >> counted) != 0 { return true }
        }
        return false
    }

    package var description: String {
        let isIPv4 = network.isIPv4 && bits >= 96
        return bits == 128 ? "\(network)" : "\(network)/\(isIPv4 ? bits - 96 : bits)"
    }

    package func contains(_ address: IPAddress) -> Bool {
        for index in 0..<16 {
            let counted = min(8, max(0, bits - index * 8))
            if counted == 0 { return true }
            let mask = UInt8(truncatingIfNeeded: 0xFF << (8 - counted))
            if network.bytes[index] & mask != address.bytes[index] & mask { return false }
        }
        return true
    }
}
