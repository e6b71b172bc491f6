package import JobModel
internal import PayloadSchema

/// Which Host names are ours. A page in a browser can make its own name resolve to 127.0.0.1 or to an address of the local
/// network, and would then speak to us as the same origin (DNS rebinding).
package struct HostCheck: Sendable {
    /// In lower case, by their bytes.
    private let allowed: Set<MemberName>
    /// Whether every request is checked, not only those of this machine.
    private let isStrict: Bool

    /// - Parameters:
    ///   - listening: the address or name that the server listens on.
    ///   - further: names from the manifest. When there are some, nothing else is answered to, whoever asks.
    ///   - publicURL: its host is one of them.
    package init(listening: String, further: [String], publicURL: String? = nil) {
        let isLoopback = listening == "localhost" || IPAddress(listening)?.isLoopback == true
        isStrict = isLoopback || !further.isEmpty
        var names = ["localhost", "127.0.0.1", "[::1]", "::1", listening, "[\(listening)]"] + further
        if let host = publicURL.flatMap({ URLAuthority(of: $0)?.host }) { names.append(host) }
        allowed = Set(names.map { MemberName($0.asciiLowercased) })
    }

    /// - Parameters:
    ///   - host: a request without one (HTTP/1.0) comes from no browser.
    ///   - peer: who is at the other end; a browser on this machine is one that may have been led here.
    package func allows(_ host: String?, peer: IPAddress?) -> Bool {
        guard isStrict || peer?.isLoopback == true, let host else { return true }
        let name = host.asciiLowercased
        return allowed.contains(MemberName(Self.withoutPort(name))) || allowed.contains(MemberName(name))
            || isAddressOfOurs(name)
    }

    /// Whoever speaks to an address by its number was not led here by a name.
    private func isAddressOfOurs(_ name: String) -> Bool {
        let bare = Self.withoutPort(name)
        let unbracketed = bare.hasPrefix("[") ? String(bare.dropFirst().dropLast()) : bare
        return !isStrict && IPAddress(unbracketed) != nil
    }

    private static func withoutPort(_ host: String) -> String {
        if host.hasPrefix("[") {
            return host.firstIndex(of: "]").map { String(host[...$0]) } ?? host
        }
        guard let colon = host.lastIndex(of: ":"),
            host[host.index(after: colon)...].utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else {
            return host
        }
        return String(host[..<colon])
    }
}
