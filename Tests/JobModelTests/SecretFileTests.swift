import JobModel
import Testing

@Suite struct SecretFileTests {
    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    @Test(arguments: [
        ("s3cret", "s3cret"), ("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("s3cret\n\n", "s3cret\n"),
        ("s3cret\r\n\r\n", "s3cret\r\n"), ("s3cret\r", "s3cret\r"), ("s3cret\n\r", "s3cret\n\r"),
        (" s3cret \n", " s3cret "), ("\ns3cret", "\ns3cret"), ("", ""), ("\n", ""), ("\r\n", ""),
    ])
    func `One line end is cut, and a byte-order mark`(_ content: String, _ value: String) {
        #expect(SecretFile.value(of: Array(content.utf8)) == value)
        #expect(SecretFile.value(of: Self.mark + Array(content.utf8)) == value)
    }

    @Test func `A mark that is not the first thing belongs to the value, and other encodings are none`() {
        #expect(SecretFile.value(of: Self.mark + Self.mark) == "\u{FEFF}")
        #expect(SecretFile.value(of: Array("a\u{FEFF}".utf8)) == "a\u{FEFF}")
        #expect(SecretFile.value(of: [0xFF, 0xFE, 0x61, 0x00]) == nil)
    }
}
