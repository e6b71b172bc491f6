internal import JobModel

/// Which Host names are ours. On loopback any other is refused: a page in a browser can make its own name resolve to
/// 127.0.0.1 and would then speak to us as the same origin (DNS rebinding).
package struct HostCheck: Sendable {
    private let allowed: Set<String>?

    /// - Parameters:
    ///   - listening: the address or name that the server listens on.
    ///   - further: names from the manifest.
    package init(listening: String, further: [String]) {
        let isLoopback = listening == "localhost" || IPAddress(listening)?.isLoopback == true
        guard isLoopback else {
            allowed = nil
            return
        }
        allowed = Set(["localhost", "127.0.0.1", "[::1]", "::1", listening.lowercased()] + further)
    }

    /// A request without a Host (HTTP/1.0) comes from no browser.
    package func allows(_ host: String?) -> Bool {
        guard let allowed, let host else { return true }
        let name = Self.withoutPort(host.lowercased())
        return allowed.contains(name) || allowed.contains(host.lowercased())
    }

    private static func withoutPort(_ host: String) -> String {
        if host.hasPrefix("[") {
            return host.firstIndex(of: "]").map { String(host[...$0]) } ?? host
        }
        guard let colon = host.lastIndex(of: ":"), host[host.index(after: colon)...].allSatisfy(\.isNumber) else {
            return host
        }
        return String(host[..<colon])
    }
}
