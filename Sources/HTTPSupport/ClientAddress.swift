package import JobModel

/// Who a request is from: the peer, or what trusted proxies say, read from the right, the first that is not one of
/// them.
package struct ClientAddress: Sendable {
    private let trusted: [NetworkRange]

    package init(trustedProxies: [NetworkRange]) {
        trusted = trustedProxies
    }

    /// - Parameter forwardedFor: the values of `X-Forwarded-For`, in their order.
    package func of(peer: IPAddress?, forwardedFor: [String]) -> IPAddress? {
        guard var address = peer, isTrusted(address) else { return peer }
        let entries = forwardedFor.flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }
        for entry in entries.reversed() {
            // An entry that is no address ends what can be believed.
            guard let next = Self.address(of: RequestFields.trimmed(Substring(entry))) else { return address }
            address = next
            if !isTrusted(address) { return address }
        }
        return address
    }

    func client(of connection: ClientConnection, forwardedFor: [String]) -> Client {
        guard !forwardedFor.isEmpty, let address = of(peer: connection.peer, forwardedFor: forwardedFor),
            address != connection.peer
        else { return connection.client }
        return Client(address: address, text: address.description, isStranger: true)
    }

    func isTrusted(_ address: IPAddress?) -> Bool {
        guard let address, !trusted.isEmpty else { return false }
        return trusted.contains { $0.contains(address) }
    }

    /// `1.2.3.4`, `1.2.3.4:567`, `::1`, `[::1]` or `[::1]:567`: some proxies add the port.
    private static func address(of entry: String) -> IPAddress? {
        if let address = IPAddress(entry) { return address }
        let bytes = entry.utf8
        let host: Substring.UTF8View
        let rest: Substring.UTF8View
        if bytes.first == UInt8(ascii: "[") {
            guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = Substring(entry).utf8[bytes.index(after: bytes.startIndex)..<end]
            rest = Substring(entry).utf8[bytes.index(after: end)...]
        } else {
            guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            host = Substring(entry).utf8[..<colon]
            rest = Substring(entry).utf8[colon...]
        }
        guard let address = IPAddress(String(Substring(host))), rest.isEmpty || isPort(rest),
            address.isIPv4 != (bytes.first == UInt8(ascii: "["))
        else { return nil }
        return address
    }

    private static func isPort(_ text: Substring.UTF8View) -> Bool {
        text.first == UInt8(ascii: ":") && (2...6).contains(text.count)
            && text.dropFirst().allSatisfy { (0x30...0x39).contains($0) }
    }
}
