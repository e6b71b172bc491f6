internal import JobModel
internal import PayloadSchema

/// Which Host names are ours. On loopback any other is refused: a page in a browser can make its own name resolve to
/// 127.0.0.1 and would then speak to us as the same origin (DNS rebinding).
package struct HostCheck: Sendable {
    /// In lower case, by their bytes.
    private let allowed: Set<MemberName>?

    /// - Parameters:
    ///   - listening: the address or name that the server listens on.
    ///   - further: names from the manifest.
    package init(listening: String, further: [String]) {
        let isLoopback = listening == "localhost" || IPAddress(listening)?.isLoopback == true
        guard isLoopback else {
            allowed = nil
            return
        }
        let names = ["localhost", "127.0.0.1", "[::1]", "::1", listening] + further
        allowed = Set(names.map { MemberName($0.asciiLowercased) })
    }

    /// A request without a Host (HTTP/1.0) comes from no browser.
    package func allows(_ host: String?) -> Bool {
        guard let allowed, let host else { return true }
        let name = host.asciiLowercased
        return allowed.contains(MemberName(Self.withoutPort(name))) || allowed.contains(MemberName(name))
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
