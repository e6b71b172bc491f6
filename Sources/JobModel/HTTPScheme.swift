/// The two schemes of URLs that are called.
package enum HTTPScheme: String, CaseIterable, Sendable {
    case http, https

    /// The scheme in front of `://`, in either case (RFC 3986, section 3.1); nil when the text begins otherwise.
    package init?(of url: some StringProtocol) {
        let scheme = Self.allCases.first { ASCII.isSame(url.utf8.prefix($0.prefix.utf8.count), $0.prefix.utf8) }
        guard let scheme else { return nil }
        self = scheme
    }

    /// As a URL begins with it.
    package var prefix: String {
        switch self {
        case .http: "http://"
        case .https: "https://"
        }
    }

    /// RFC 9110, sections 4.2.1 and 4.2.2.
    package var defaultPort: UInt16 {
        switch self {
        case .http: 80
        case .https: 443
        }
    }
}
