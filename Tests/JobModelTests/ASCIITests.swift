import JobModel
import Testing

@Suite struct ASCIITests {
    @Test func `Only A to Z have a lower case, only ! to ~ are visible`() {
        for byte in UInt8.min...UInt8.max {
            let isCapital = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            #expect(ASCII.lowercase(byte) == (isCapital ? byte + 32 : byte))
            #expect(ASCII.isVisible(byte) == ("!"..."~").contains(UnicodeScalar(byte)))
        }
        #expect("X-\u{212A}\u{C9}".asciiLowercased.unicodeScalars.elementsEqual("x-\u{212A}\u{C9}".unicodeScalars))
    }

    @Test(arguments: [
        ("", "", true), ("Content-Type", "cONTENT-tYPE", true), ("a", "ab", false), ("@", "`", false),
        ("[", "{", false),
        ("Key", "\u{212A}ey", false), ("\u{E9}", "e\u{301}", false), ("\u{E9}", "\u{C9}", false),
    ])
    func `Names are the same but for the case of A to Z`(_ one: String, _ other: String, _ isSame: Bool) {
        #expect(one.isSameIgnoringASCIICase(as: other) == isSame)
        #expect(other.isSameIgnoringASCIICase(as: one) == isSame)
    }
}
