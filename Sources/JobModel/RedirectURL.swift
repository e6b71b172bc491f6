/// Where a client may be sent on by a `Location` field (CONTRACT 4).
package enum RedirectURL {
    /// An absolute path of this server, or http(s) with a host. Visible characters only: nothing in it ends the field.
    package static func isValid(_ text: String) -> Bool {
        guard text.utf8.allSatisfy(ASCII.isVisible) else { return false }
        // "//host" and "/\host" lead to another server.
        if text.hasPrefix("/") { return !text.hasPrefix("//") && !text.hasPrefix("/\\") }
        guard HTTPScheme(of: text) != nil, let authority = URLAuthority(of: text) else { return false }
        let isBracketed = authority.host.hasPrefix("[") == authority.host.hasSuffix("]")
        return !authority.host.isEmpty && isBracketed && authority.port != .invalid
    }
}
