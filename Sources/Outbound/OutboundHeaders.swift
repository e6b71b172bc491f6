/// Which header fields may leave, whoever wrote them.
package enum OutboundHeaders {
    /// They frame the message or belong to the connection (RFC 9110, section 7.6.1), or would speak for somebody else.
    private static let reserved = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection",
        "proxy-authorization", "te", "trailer", "upgrade", "expect", "cookie",
    ].map(\.utf8)

    /// Whether a caller or a manifest may set a field of this name.
    package static func mayBeSet(_ name: String) -> Bool {
        isToken(name) && !reserved.contains { isSame(name.utf8, $0) }
    }

    /// Whether it is this text, given in lower case.
    static func isSame(_ text: some Collection<UInt8>, _ other: String.UTF8View) -> Bool {
        text.count == other.count && zip(text, other).allSatisfy { lowercase($0) == $1 }
    }

    static func lowercase(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

    /// RFC 9110, section 5.5: visible characters, spaces and tabs; no line break, no NUL. Bytes above ASCII pass.
    package static func isValue(_ value: String) -> Bool {
        value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
    }

    /// RFC 9110, section 5.6.2.
    package static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { tokenBytes[Int($0)] }
    }

    private static let tokenBytes: [Bool] = (UInt8.min...UInt8.max).map { byte in
        switch UnicodeScalar(byte) {
        case "a"..."z", "A"..."Z", "0"..."9", "!", "#", "$", "%", "&", "'", "*", "+", "-", ".", "^", "_", "`", "|", "~":
            true
        default: false
        }
    }
}
