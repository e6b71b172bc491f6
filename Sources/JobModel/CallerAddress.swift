private import Glibc

/// Whom an address stands for where callers are told apart by it: of IPv6 the first 64 bits, for one customer has at least that
/// many addresses.
///
/// It is one word, so that it can be counted by for every job and stored with it. IPv4 takes what `::/32` would be, which
/// nobody routes (RFC 4291, section 4).
package struct CallerAddress: Hashable, Sendable, CustomStringConvertible {
    private let bits: UInt64

    /// nil for what is not an IP address.
    package init?(_ text: String) {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bits = UInt64(UInt32(bigEndian: four.s_addr))
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        let (high, low) = withUnsafeBytes(of: six) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        // RFC 4291, section 2.5.5.2.
        let isMapped = high == 0 && low >> 32 == 0xFFFF
        bits = isMapped ? low & 0xFFFF_FFFF : high
    }

    /// As it is stored.
    package init(number: Int64) { bits = UInt64(bitPattern: number) }

    package var number: Int64 { Int64(bitPattern: bits) }

    package var isIPv4: Bool { bits != 0 && bits >> 32 == 0 }

    /// In network order: four bytes of IPv4, eight of IPv6.
    package var bytes: ArraySlice<UInt8> {
        let all = withUnsafeBytes(of: bits.bigEndian) { Array($0) }
        return isIPv4 ? all[4...] : all[...]
    }

    /// 127.0.0.0/8 and `::1`, whose first 64 bits are those of all addresses that nobody routes.
    package var isLoopback: Bool { bits == 0 || (isIPv4 && bits >> 24 == 127) }

    /// `192.0.2.1` or `2001:db8:0:1::/64`.
    package var description: String {
        isIPv4
            ? IPAddress(ipv4: Array(bytes)).description
            : IPAddress(ipv6: Array(bytes)).description + "/64"
    }
}

extension Job {
    /// The address whose share of the queues the job counts in: the caller's, when it came without credentials.
    ///
    /// Loopback is nobody's stranger. That is judged by the address alone, here and in `Submission`, so a 127.0.0.1 that a
    /// trusted proxy names is not counted either. Such a proxy is rare, and its clients are on its own machine.
    package var stranger: CallerAddress? {
        guard owner == nil, let client else { return nil }
        return CallerAddress.stranger(client)
    }
}

extension CallerAddress {
    /// nil for loopback, and for what is not an IP address.
    package static func stranger(_ text: String) -> CallerAddress? {
        guard let address = CallerAddress(text), !address.isLoopback else { return nil }
        return address
    }
}
