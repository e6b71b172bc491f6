/// URLs that callers give for webhooks.
package enum WebhookURL {
    /// http or https with a host, in printable ASCII, without credentials: they would stand in every log. Nothing in the host
    /// is percent-encoded; an IPv6 address names no interface of this machine (RFC 6874). A backslash is not part of a URL
    /// (RFC 3986, section 2): some read it as a slash, others as part of a user's name.
    package static func isValid(_ text: String) -> Bool {
        guard HTTPScheme(of: text) != nil, let authority = URLAuthority(of: text),
            text.utf8.count <= Limits.webhookURLBytes,
            text.utf8.allSatisfy({ ASCII.isVisible($0) && $0 != UInt8(ascii: "\\") })
        else { return false }
        return !authority.host.isEmpty && !authority.hasUserInfo && !authority.host.utf8.contains(UInt8(ascii: "%"))
            && authority.port != .invalid
    }
}
