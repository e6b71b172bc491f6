/// Where a URL leads and nothing else: scheme, host and port (RFC 6454, section 4; the URL standard's "origin").
///
/// URLs of one origin lead to one server. Scheme and host are in lower case, by ASCII; the scheme's own port is left out.
/// User names, passwords, paths and queries are not part of it, so that it may be shown where those may not. Beside that a host
/// is taken as it is written: `[::1]` and `[0::1]` are two.
package struct URLOrigin: Hashable, Sendable, CustomStringConvertible {
    /// `https://example.com:8443`; `null`, as browsers write an opaque origin, for what is not a URL with a host.
    package let description: String

    package init(of url: some StringProtocol) {
        guard let authority = URLAuthority(of: url), !authority.host.isEmpty else {
            description = "null"
            return
        }
        let start = "\(authority.scheme)://\(authority.host)"
        switch authority.port {
        case .unwritten: description = start
        case .number(HTTPScheme(rawValue: authority.scheme)?.defaultPort): description = start
        case .number(let port): description = "\(start):\(port)"
        case .invalid: description = "null"
        }
    }
}
