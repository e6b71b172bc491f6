/// URLs that callers give for webhooks.
package enum WebhookURL {
    /// http or https with a host, in printable ASCII, without credentials: they would stand in every log.
    package static func isValid(_ text: String) -> Bool {
        let lowered = text.prefix(8).lowercased()
        guard lowered.hasPrefix("http://") || lowered == "https://", text.utf8.count <= Limits.webhookURLBytes,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let scheme = text.firstRange(of: "://")
        else { return false }
        let authority = text[scheme.upperBound...].prefix { !"/?#\\".contains($0) }
        return !authority.isEmpty && !authority.contains("@") && !authority.hasPrefix(":")
    }
}
