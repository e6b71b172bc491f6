package import JobModel

/// Which addresses requests may go to. Decided on the address of the socket, never on the text of a URL: what a name
/// means is known only when a connection is made.
package struct EgressPolicy: Equatable, Sendable {
    /// Addresses that are ours, with the port on which we listen.
    package struct Listener: Equatable, Sendable {
        package var port: Int

        package init(port: Int) { self.port = port }
    }

    /// Nothing is forbidden.
    let isOpen: Bool
    private var ranges: [NetworkRange] = []
    private var hosts: Set<String> = []
    private var listener: Listener?

    /// For URLs that the operator wrote.
    package static let anywhere = EgressPolicy(isOpen: true)

    private init(isOpen: Bool) { self.isOpen = isOpen }

    /// For URLs that callers give: the public Internet, and what the operator opens beside it.
    ///
    /// - Parameters:
    ///   - ranges: addresses that are open too.
    ///   - hosts: names that are open, wherever they lead; lower case.
    ///   - listener: our own port, closed on every address of this machine.
    package init(allowing ranges: [NetworkRange] = [], hosts: Set<String> = [], listener: Listener? = nil) {
        isOpen = false
        self.ranges = ranges
        self.hosts = hosts
        self.listener = listener
    }

    /// - Parameters:
    ///   - address: of the socket.
    ///   - host: as the URL names it, lower case.
    ///   - ours: the addresses of this machine. Asked for our own port only; they may change while we run.
    package func allows(
        _ address: IPAddress, port: Int, host: String, ours: () -> [IPAddress] = SocketAddress.ofThisMachine
    ) -> Bool {
        if isOpen { return true }
        if listener?.port == port, address.isLoopback || address.isUnspecified || ours().contains(address) {
            return false
        }
        if hosts.contains(host) || ranges.contains(where: { $0.contains(address) }) { return true }
        return Self.isPublic(address)
    }

    /// IANA's special-purpose registries (RFC 6890), multicast, the reserved class, and a cloud's metadata address.
    private static let closed4 = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16",
    ].compactMap { NetworkRange($0) }

    /// Of IPv6 only global unicast is open, and of that not what leads elsewhere: Teredo and other protocol assignments,
    /// documentation, 6to4.
    private static let open6 = NetworkRange("2000::/3")
    private static let closed6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"].compactMap {
        NetworkRange($0)
    }

    private static func isPublic(_ address: IPAddress) -> Bool {
        // IPv4 in its mapped form is judged as IPv4.
        if address.isIPv4 { return !closed4.contains { $0.contains(address) } }
        return open6?.contains(address) == true && !closed6.contains { $0.contains(address) }
    }
}
