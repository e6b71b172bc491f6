/// Which header fields may leave, whoever wrote them, and how names and values are spelt.
///
/// Names are compared byte by byte, and A to Z with a to z (RFC 9110, section 5.1).
package enum HTTPHeaderRules {
    /// A token (RFC 9110, section 5.6.2): what names a field (section 5.1) or a method (section 9.1).
    package static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { tokenBytes[Int($0)] }
    }

    /// A field's value (RFC 9110, section 5.5): visible characters, spaces and tabs; no line break, NUL or other control
    /// character. Bytes above ASCII (obs-text) pass.
    package static func isValue(_ value: String) -> Bool {
        value.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
    }

    /// Whether a caller or a manifest may set a field of this name.
    package static func maySet(_ name: String) -> Bool { isToken(name) && !isReserved(name) }

    /// Whether a caller's field of this name may go on to a target: one that may be set, and that is none of Sluice's own.
    package static func mayForward(_ name: String) -> Bool {
        maySet(name) && !own.contains { ASCII.isSame(name.utf8, $0.utf8) }
            && !ASCII.isSame(name.utf8.prefix(ownPrefix.utf8.count), ownPrefix.utf8)
    }

    /// Whether a field of this name carries a secret.
    package static func isCredential(_ name: String) -> Bool {
        credentials.contains { ASCII.isSame(name.utf8, $0.utf8) }
    }

    private static func isReserved(_ name: String) -> Bool { reserved.contains { ASCII.isSame(name.utf8, $0.utf8) } }

    /// They frame the message or belong to the connection (RFC 9110, section 7.6.1), or would speak for somebody else.
    private static let reserved = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection",
        "proxy-authorization", "te", "trailer", "upgrade", "expect", "cookie",
    ]

    /// What every request carries anyway, beside the reserved ones.
    private static let own = ["content-type", "idempotency-key", "traceparent"]
    private static let ownPrefix = "sluice-"

    private static let credentials = ["authorization", "x-api-key", "api-key", "x-auth-token"]

    private static let tokenBytes: [Bool] = (UInt8.min...UInt8.max).map { byte in
        switch UnicodeScalar(byte) {
        case "a"..."z", "A"..."Z", "0"..."9", "!", "#", "$", "%", "&", "'", "*", "+", "-", ".", "^", "_", "`", "|", "~":
            true
        default: false
        }
    }
}
