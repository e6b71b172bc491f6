/// Base 16 (RFC 4648, section 8): two digits for each byte, the high half first.
package enum Hexadecimal {
    /// How the digits from 10 to 15 are written.
    package enum Letters: Sendable { case lower, upper }

    /// The value of an ASCII digit in either case, from 0 to 15; nil for every other byte.
    @inlinable package static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The byte that two digits name; nil when one of them is not a digit.
    @inlinable package static func byte(_ high: UInt8, _ low: UInt8) -> UInt8? {
        guard let high = value(of: high), let low = value(of: low) else { return nil }
        return high << 4 | low
    }

    /// The ASCII digit of the low four bits.
    @inlinable package static func digit(_ value: UInt8, _ letters: Letters = .lower) -> UInt8 {
        let value = value & 0xF
        if value < 10 { return UInt8(ascii: "0") + value }
        return (letters == .lower ? UInt8(ascii: "a") : UInt8(ascii: "A")) + value - 10
    }

    /// Two digits for each byte.
    package static func text(_ bytes: some Sequence<UInt8>, _ letters: Letters = .lower) -> String {
        var digits: [UInt8] = []
        digits.reserveCapacity(2 * bytes.underestimatedCount)
        for byte in bytes {
            digits.append(digit(byte >> 4, letters))
            digits.append(digit(byte, letters))
        }
        return String(decoding: digits, as: UTF8.self)
    }

    /// 16 digits, leading zeros included.
    package static func text(_ word: UInt64) -> String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            write(word, to: buffer, at: 0)
            return 16
        }
    }

    /// Writes 16 digits in lower case, leading zeros included: one call, for ids are written several times a request.
    ///
    /// - Parameter buffer: has room for 16 bytes from `start` on.
    package static func write(_ word: UInt64, to buffer: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
        for place in 0..<16 {
            buffer[start + place] = digit(UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * place)), .lower)
        }
    }
}
