/// The front of a URL, taken apart by bytes (RFC 3986, sections 3.1 and 3.2).
package struct URLAuthority: Equatable, Sendable {
    package enum Port: Equatable, Sendable {
        /// The scheme's own.
        case unwritten
        /// From 1 to 65535.
        case number(UInt16)
        /// A colon with none of these numbers behind it. The RFC lets a port be empty; here that is taken for a mistake.
        case invalid
    }

    /// In lower case.
    package let scheme: String
    /// Whether a user's name or password stands in front of the host.
    package let hasUserInfo: Bool
    /// In lower case; an IPv6 address in its brackets. Empty where the URL has none.
    package let host: String
    package let port: Port

    /// nil for what does not begin with a scheme and `://`. A backslash ends the host, as in the URL standard.
    package init?(of url: some StringProtocol) {
        let bytes = Array(url.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: "://".utf8),
            Self.isScheme(bytes[..<colon])
        else { return nil }
        let authority = bytes[(colon + 3)...].prefix { !#"/?#\"#.utf8.contains($0) }
        let at = authority.lastIndex(of: UInt8(ascii: "@"))
        let place = at.map { authority[($0 + 1)...] } ?? authority
        // The colons of an IPv6 address stand inside its brackets.
        let end = place.lastIndex { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "]") }
        let portColon = end.flatMap { place[$0] == UInt8(ascii: ":") ? $0 : nil }
        scheme = Self.lowercased(bytes[..<colon])
        hasUserInfo = at != nil
        host = Self.lowercased(place[..<(portColon ?? place.endIndex)])
        port = portColon.map { Self.port(place[($0 + 1)...]) } ?? .unwritten
    }

    /// RFC 3986, section 3.1.
    private static func isScheme(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, ("a"..."z").contains(UnicodeScalar(ASCII.lowercase(first))) else { return false }
        return bytes.allSatisfy {
            switch UnicodeScalar(ASCII.lowercase($0)) {
            case "a"..."z", "0"..."9", "+", "-", ".": true
            default: false
            }
        }
    }

    private static func port(_ digits: ArraySlice<UInt8>) -> Port {
        // `UInt16` would take a sign.
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt16(String(decoding: digits, as: UTF8.self)), number > 0
        else { return .invalid }
        return .number(number)
    }

    private static func lowercased(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.lazy.map(ASCII.lowercase), as: UTF8.self)
    }
}
