/// URLs that callers give for webhooks.
package enum WebhookURL {
    /// Scheme, host and port in lower case, without a user's name and password: what may be told of a URL.
    package static func origin(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return url }
        let authority = url[scheme.upperBound...].prefix { !"/?#\\".contains($0) }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        return url[..<scheme.upperBound].lowercased() + host.lowercased()
    }

    /// False where what stands for a port is none.
    package static func hasPort(_ authority: Substring) -> Bool {
        guard let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") else { return true }
        return UInt16(authority[authority.index(after: colon)...]) ?? 0 > 0
    }

    /// http or https with a host, in printable ASCII, without credentials: they would stand in every log. Nothing in the host
    /// is percent-encoded; an IPv6 address names no interface of this machine (RFC 6874). A backslash is no part of a URL
    /// (RFC 3986, section 2): some read it as a slash, others as part of a user's name.
    package static func isValid(_ text: String) -> Bool {
        let lowered = text.prefix(8).lowercased()
        guard lowered.hasPrefix("http://") || lowered == "https://", text.utf8.count <= Limits.webhookURLBytes,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let scheme = text.firstRange(of: "://")
        else { return false }
        let authority = text[scheme.upperBound...].prefix { !"/?#\\".contains($0) }
        return !authority.isEmpty && !authority.contains("@") && !authority.contains("%") && !text.contains("\\")
            && !authority.hasPrefix(":")
            && hasPort(authority)
    }
}
