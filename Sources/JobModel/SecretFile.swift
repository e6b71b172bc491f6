/// A file that holds one value: what `${file:}` or `NAME_FILE` names (CONTRACT 3, References; CONTRACT 10).
package enum SecretFile {
    /// Its text without what editors add and nobody sees: a byte-order mark at its beginning, and one line end, LF or CRLF, at
    /// its end. Everything else belongs to the value, white space too. nil for what is not UTF-8.
    package static func value(of bytes: [UInt8]) -> String? {
        var rest = bytes[...]
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        if rest.last == UInt8(ascii: "\n") {
            rest = rest.dropLast()
            if rest.last == UInt8(ascii: "\r") { rest = rest.dropLast() }
        }
        return String(validating: rest, as: UTF8.self)
    }
}
