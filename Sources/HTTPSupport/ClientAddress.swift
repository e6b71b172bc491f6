package import JobModel

/// Who a request is from: the peer, or what trusted proxies say, read from the right, the first that is not one of
/// them.
package struct ClientAddress: Sendable {
    private let trusted: [NetworkRange]

    package init(trustedProxies: [NetworkRange]) {
        trusted = trustedProxies
    }

    package func of(peer: IPAddress?, forwardedFor: [String]) -> IPAddress? {
        guard var address = peer, isTrusted(address) else { return peer }
        let entries = forwardedFor.flatMap { $0.split(separator: ",") }
        for entry in entries.reversed() {
            let text = entry.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            // An entry that is no address ends what can be believed.
            guard let next = IPAddress(String(text)) else { return address }
            address = next
            if !isTrusted(address) { return address }
        }
        return address
    }

    private func isTrusted(_ address: IPAddress) -> Bool { trusted.contains { $0.contains(address) } }
}
