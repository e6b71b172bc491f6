package import JobModel

/// Who a request is from, as far as its address says.
package struct Client: Equatable, Sendable {
    /// The peer, or whom a trusted proxy names; nil for what is not an IP socket.
    package var address: IPAddress?
    /// The address as text; empty when there is none.
    package var text: String
    /// Loopback is nobody's stranger, unless a trusted proxy named the address.
    package var isStranger: Bool

    package init(address: IPAddress?, text: String, isStranger: Bool) {
        self.address = address
        self.text = text
        self.isStranger = isStranger
    }

    /// What shares are counted by; nil for whom none is counted.
    var counted: IPAddress? { isStranger ? address?.subscriber : nil }
}

extension IPAddress {
    /// One customer has at least 2^64 addresses of IPv6: they count as one.
    var subscriber: IPAddress { isIPv4 ? self : IPAddress(ipv6: Array(bytes.prefix(8))) }
}
