import Foundation
import PayloadSchema
import Testing

@Suite struct HexadecimalTests {
    @Test(arguments: UInt8.min...UInt8.max)
    func `Every byte is written in two digits and read back`(_ byte: UInt8) {
        let lower = Hexadecimal.text([byte])
        let upper = Hexadecimal.text([byte], .upper)
        #expect(lower == String(format: "%02x", byte))
        #expect(upper == String(format: "%02X", byte))
        for digits in [Array(lower.utf8), Array(upper.utf8)] {
            #expect(Hexadecimal.byte(digits[0], digits[1]) == byte)
        }
    }

    @Test func `Only 22 bytes are digits`() {
        let digits = "0123456789abcdefABCDEF"
        for byte in UInt8.min...UInt8.max {
            let text = String(UnicodeScalar(byte))
            #expect(Hexadecimal.value(of: byte).map(Int.init) == (digits.contains(text) ? Int(text, radix: 16) : nil))
        }
        #expect(Hexadecimal.byte(UInt8(ascii: "g"), UInt8(ascii: "0")) == nil)
        #expect(Hexadecimal.byte(UInt8(ascii: "0"), UInt8(ascii: " ")) == nil)
    }

    @Test func `A word keeps its leading zeros`() {
        #expect(Hexadecimal.text(0) == "0000000000000000")
        #expect(Hexadecimal.text(0x0123_4567_89AB_CDEF) == "0123456789abcdef")
        #expect(Hexadecimal.text(UInt64.max) == "ffffffffffffffff")
        #expect(Hexadecimal.text([UInt8]()) == "")
    }
}
