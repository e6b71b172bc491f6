import PayloadSchema
import Testing

@Suite struct CanonicalJSONTests {
    private func canonical(_ text: String) throws -> String {
        String(decoding: try JSONParser.parse(text).canonicalBytes, as: UTF8.self)
    }

    @Test func `The RFC's example is written as section 3 of RFC 8785 has it`() throws {
        let input = #"""
            {
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """#
        let expected =
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#
            + #""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        #expect(try canonical(input) == expected)
    }

    @Test func `Members are sorted by UTF-16 code units, as in section 3.2.3 of RFC 8785`() throws {
        let input = #"""
            {
              "\u20ac": "Euro Sign",
              "\r": "Carriage Return",
              "\ufb33": "Hebrew Letter Dalet With Dagesh",
              "1": "One",
              "\ud83d\ude00": "Emoji: Grinning Face",
              "\u0080": "Control",
              "\u00f6": "Latin Small Letter O With Diaeresis"
            }
            """#
        guard case .object(let object) = try JSONParser.parse(try canonical(input)) else {
            Issue.record("no object")
            return
        }
        #expect(
            object.members.map(\.value) == [
                "Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign",
                "Emoji: Grinning Face", "Hebrew Letter Dalet With Dagesh",
            ])
    }

    /// RFC 8785, appendix B, without the values that JSON cannot say.
    @Test(
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"),
            (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xC340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"), (0x44B5_2D02_C7E1_4AF6, "1e+23"),
            (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"), (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"),
            (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"), (0x444B_1AE4_D6E2_EF50, "1e+21"),
            (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"), (0x3EB0_C6F7_A0B5_ED8D, "0.000001"),
            (0x41B3_DE43_5555_5553, "333333333.3333332"), (0x41B3_DE43_5555_5554, "333333333.33333325"),
            (0x41B3_DE43_5555_5555, "333333333.3333333"), (0x41B3_DE43_5555_5556, "333333333.3333334"),
            (0x41B3_DE43_5555_5557, "333333333.33333343"), (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
            (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
        ] as [(UInt64, String)])
    func `Numbers are written as appendix B of RFC 8785 has them`(_ bits: UInt64, _ expected: String) throws {
        let number = try #require(JSONNumber(Double(bitPattern: bits)))
        #expect(String(decoding: JSONValue.number(number).canonicalBytes, as: UTF8.self) == expected)
        #expect(try canonical(expected) == expected)
    }

    @Test(arguments: [
        ["1", "1.0", "1e0", "10e-1", "0.1e1", "1.00000000000000000000000001"], ["0", "-0", "0.0", "-0e5", "1e-400"],
        ["1000", "1e3", "1E+3"], [#"{"a":1,"b":[2]}"#, #"{ "b": [2.0], "a": 1e0 }"#, #"{"a":7,"b":[2],"a":1}"#],
        [#""A/é""#, #""\u0041\/\u00e9""#],
        // One double each: nobody gets a key of his own by writing more digits than a double holds.
        ["9007199254740992", "9007199254740993", "9007199254740992.5"],
        ["18446744073709551615", "18446744073709551616"],
        ["1e400", "1e401", "1e99999999999999999999", "123456789e1000"], ["-1e400", "-1e401"],
    ])
    func `What means the same has the same bytes`(_ texts: [String]) throws {
        for text in texts { #expect(try canonical(text) == (try canonical(texts[0])), "\(text)") }
    }

    @Test func `What means something else has other bytes`() throws {
        let texts = [
            "1", #""1""#, "[1]", "true", #""true""#, "null", #""null""#, "0", #""""#, "[]", "{}", "-1", "1e400",
            "-1e400",
            #""Infinity""#, "9007199254740991", "9007199254740992", "9007199254740994", #""9007199254740993""#,
            // Composed and decomposed, and a sign that Unicode has for another letter: no normalization (section 3.1).
            #""\u00e9""#, #""e\u0301""#, #""K""#, #""\u212a""#, #"{"K":1}"#, #"{"\u212a":1}"#, "[[1],2]", "[1,[2]]",
        ]
        let written = try texts.map { try JSONParser.parse($0).canonicalBytes }
        #expect(Set(written).count == texts.count)
    }

    @Test func `Control characters have the escapes of section 3.2.2.2, and nothing else has any`() throws {
        let all = (0x00...0x1F).map { #"\u00"# + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
        let expected =
            #""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#
            + #"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"#
            + "\u{7F}\u{80}\u{2028}\u{FEFF}/\""
        #expect(try canonical("\"" + all.joined() + "\u{7F}\u{80}\u{2028}\u{FEFF}/\"") == expected)
    }

    @Test func `A value of depth 64 is written`() throws {
        let text = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(try canonical(text) == text)
    }

    @Test func `What is canonical stays as it is, over random doubles`() throws {
        var generator = Mixer(state: 11)
        for _ in 0..<20_000 {
            guard let number = JSONNumber(Double(bitPattern: generator.next())) else { continue }
            let text = String(decoding: JSONValue.number(number).canonicalBytes, as: UTF8.self)
            #expect(Double(text) == number.double)
            #expect(try canonical(text) == text)
        }
    }
}
