/// Why bytes are not a JSON text (RFC 8259), with the place.
package struct JSONError: Error, Equatable, Sendable {
    package enum Reason: Equatable, Sendable {
        case empty
        case unexpected(UInt8)
        case unexpectedEnd
        case trailing
        case invalidUTF8
        case controlCharacter
        case invalidEscape
        case loneSurrogate
        case invalidNumber
        case tooDeep(limit: Int)
    }

    package let reason: Reason
    /// Bytes before the place, from 0.
    package let offset: Int
    /// Both count from 1; a column counts bytes.
    package let line: Int
    package let column: Int

    init(_ reason: Reason, at offset: Int, in bytes: UnsafeBufferPointer<UInt8>) {
        self.reason = reason
        self.offset = offset
        var line = 1
        var lineStart = 0
        for index in 0..<min(offset, bytes.count) where bytes[index] == UInt8(ascii: "\n") {
            line += 1
            lineStart = index + 1
        }
        self.line = line
        self.column = offset - lineStart + 1
    }
}

extension JSONError: CustomStringConvertible {
    package var description: String {
        "\(what) at line \(line), column \(column)"
    }

    private var what: String {
        switch reason {
        case .empty: "no JSON value"
        case .unexpected(let byte) where byte > 0x20 && byte < 0x7F: "unexpected '\(Character(UnicodeScalar(byte)))'"
        case .unexpected(let byte): "unexpected byte 0x\(String(byte, radix: 16, uppercase: true))"
        case .unexpectedEnd: "the text ends inside a value"
        case .trailing: "something follows the JSON value"
        case .invalidUTF8: "invalid UTF-8"
        case .controlCharacter: "an unescaped control character in a string"
        case .invalidEscape: "an invalid escape sequence"
        case .loneSurrogate: "a lone surrogate (half of a \\u pair)"
        case .invalidNumber: "an invalid number"
        case .tooDeep(let limit): "arrays and objects nested deeper than \(limit)"
        }
    }
}
