import PayloadSchema
import Testing

@Suite struct TerminalTextTests {
    /// Every code point that must not come to a terminal as it is: by name, so that a table of Unicode that forgets one is noticed.
    private static let dangerous: [ClosedRange<UInt32>] = [
        // C0, DEL, C1
        0x00...0x1F, 0x7F...0x9F,
        // Directions
        0x200E...0x200F, 0x061C...0x061C, 0x202A...0x202E, 0x2066...0x2069,
        // Ends of lines and paragraphs
        0x2028...0x2029,
        // No width
        0x200B...0x200D, 0x2060...0x2064, 0xFEFF...0xFEFF, 0x00AD...0x00AD, 0x034F...0x034F, 0x180E...0x180E,
        0x206A...0x206F, 0xFFF9...0xFFFB, 0xE0001...0xE0001, 0xE0020...0xE007F, 0x115F...0x1160, 0x3164...0x3164,
    ]

    static let scalars: [Unicode.Scalar] = dangerous.flatMap { $0.compactMap(Unicode.Scalar.init) }

    @Test(arguments: scalars) func `What acts on a terminal is written as JSON escapes it`(_ scalar: Unicode.Scalar)
        throws
    {
        #expect(scalar.movesTerminal)
        let text = "a\(scalar)b"
        let escaped = text.escapedForTerminal()
        #expect(escaped.utf8.allSatisfy { (0x20..<0x7F).contains($0) }, "\(escaped)")
        #expect(escaped.hasPrefix("a\\") && escaped.hasSuffix("b"))
        // It is JSON's own escape.
        #expect(try JSONParser.parse("\"\(escaped)\"").string?.hasSameBytes(as: text) == true)
        // JSON stays the same JSON.
        let value: JSONValue = [text: [.string(text)]]
        let shown = value.text.escapedForTerminal()
        #expect(!shown.unicodeScalars.contains { $0.movesTerminal })
        #expect(try JSONParser.parse(shown) == value)
    }

    @Test(arguments: [
        ("\u{9B}", "\\u009b"), ("\u{1B}[31m", "\\u001b[31m"), ("a\nb\tc\rd", "a\\nb\\tc\\rd"), ("\u{202E}", "\\u202e"),
        ("\u{E0001}", "\\udb40\\udc01"), ("\u{7F}", "\\u007f"), ("\\n", "\\n"), ("\"\u{85}\"", "\"\\u0085\""),
        ("e\u{9B}\u{301}", "e\\u009b\u{301}"), ("\r\n", "\\r\\n"),
    ])
    func `It is escaped in short`(_ text: String, _ escaped: String) {
        #expect(text.escapedForTerminal().hasSameBytes(as: escaped))
    }

    @Test func `Lines and tabs stay where the layout is the text's own, and nothing else does`() {
        #expect("a\n\tb\r\u{1B}".escapedForTerminal(keepingLayout: true) == "a\n\tb\\r\\u001b")
    }

    @Test(arguments: [
        "", "plain ~", "Grüße", "日本語", "e\u{301}", "❤\u{FE0F}", "😀", "\u{A0}", "\u{600}", "नमस्ते", "שלום", "\u{E0100}",
    ])
    func `What people write stays as it is`(_ text: String) {
        #expect(text.escapedForTerminal().hasSameBytes(as: text))
    }

    @Test func `Of all code points none of these categories passes`() {
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: #expect(scalar.movesTerminal, "\(value)")
            // Marks that stand over digits are seen.
            case .format where !scalar.properties.isDefaultIgnorableCodePoint && !(0xFFF9...0xFFFB).contains(value):
                #expect(!scalar.movesTerminal, "\(value)")
            case .format: #expect(scalar.movesTerminal, "\(value)")
            default: break
            }
        }
    }
}
