import Foundation
import PayloadSchema
import Testing

@Suite struct JSONParserTests {
    @Test(arguments: [
        "{}", "[]", "null", "true", "false", "0", "-0", "1e400", "-12.5E+3", "\"\"", " [ 1 , 2 ] ",
        "{\"a\":{\"b\":[]}}",
        "\"\\u0000\\ud83d\\ude00\"", "\"é😀\u{10FFFF}\"", "\"\u{7F}\"",
    ])
    func `Valid texts are taken, and written back they mean the same`(_ text: String) throws {
        let value = try JSONParser.parse(text)
        try JSONParser.validate(Array(text.utf8))
        #expect(try JSONParser.parse(value.bytes) == value)
    }

    @Test(arguments: [
        "", " ", "{", "}", "[", "]", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\"}", "[1 2]", "01", "-", "1.", ".5", "1e",
        "+1",
        "0x1", "NaN", "nul", "truee", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\t\"", "\"\\ud800\"",
        "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "1 2", "[]]", "{}x", "/**/1", "'a'", "[\"a\",\n4\n,1,",
    ])
    func `Invalid texts are refused by parser and validator alike`(_ text: String) {
        #expect(throws: JSONError.self) { try JSONParser.parse(text) }
        #expect(throws: JSONError.self) { try JSONParser.validate(Array(text.utf8)) }
    }

    @Test(arguments: [
        [0x22, 0x80, 0x22], [0x22, 0xC1, 0xBF, 0x22], [0x22, 0xE0, 0x9F, 0xBF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
        [0x22, 0xF0, 0x8F, 0xBF, 0xBF, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22],
        [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22],
        [0x22, 0xE2, 0x82], [0xFF], [0xEF, 0xBB, 0xBF, 0x31],
    ])
    func `Bytes that are not UTF-8 are refused`(_ bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONParser.validate(bytes) }
    }

    @Test func `Depth 64 is taken, 65 refused, and a hundred thousand costs no stack`() throws {
        func nested(_ depth: Int) -> [UInt8] {
            [UInt8](repeating: 0x5B, count: depth) + [UInt8](repeating: 0x5D, count: depth)
        }
        _ = try JSONParser.parse(nested(64))
        #expect(throws: JSONError.self) { try JSONParser.parse(nested(65)) }
        let error = #expect(throws: JSONError.self) { try JSONParser.validate(nested(100_000)) }
        #expect(error?.reason == .tooDeep(limit: 64))
        #expect(error?.offset == 64)
    }

    @Test(arguments: ["1.0", "1e2", "12345678901234567890123", "-0", "0.1000"])
    func `Numbers stay as they were written`(_ text: String) throws {
        #expect(try JSONParser.parse(text).text == text)
    }

    @Test func `Of duplicate keys the last counts, in the first one's place`() throws {
        #expect(try JSONParser.parse(#"{"a":1,"b":2,"a":3}"#).text == #"{"a":3,"b":2}"#)
    }

    @Test func `Strings are unescaped and escaped as JSON stringify does`() throws {
        let value = try JSONParser.parse(#""\u0041\/\"\\\b\f\n\r\t\u001f é \ud83d\ude00""#)
        #expect(value == .string("A/\"\\\u{8}\u{c}\n\r\t\u{1f} é 😀"))
        #expect(value.text == #""A/\"\\\b\f\n\r\t\u001f é 😀""#)
    }

    @Test func `An error says line and column`() {
        let error = #expect(throws: JSONError.self) { try JSONParser.parse("{\n  \"a\": nope\n}") }
        #expect(error?.line == 2)
        #expect(error?.column == 9)
        #expect(error?.description == "unexpected 'o' at line 2, column 9")
    }

    @Test func `Paths lead through objects and arrays`() throws {
        let value = try JSONParser.parse(#"{"a":[{"b":1}]}"#)
        #expect(value.value(at: ["a", "0", "b"]) == 1)
        #expect(value.value(at: ["a", "1"]) == nil)
        #expect(value.value(at: ["a", "-1"]) == nil)
        #expect(value.value(at: ["x"]) == nil)
        #expect(value.value(at: []) == value)
    }

    @Test func `What the parser takes the validator takes, over random edits`() {
        var generator = Mixer(state: 7)
        let seed = Array(#"{"a":[1,-2.5e3,"x\u00e9\n",true,null],"b":{"c":"é"}}"#.utf8)
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let parsed = try? JSONParser.parse(bytes)
            let valid = (try? JSONParser.validate(bytes)) != nil
            #expect((parsed != nil) == valid)
            // Foundation is more lenient; what we take it must take too.
            if valid {
                #expect((try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil)
            }
        }
    }
}

/// The public suite of github.com/nst/JSONTestSuite, where it is there.
@Suite struct JSONConformanceTests {
    static let files: [String] = {
        let folder = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../shared/conformance")
            .standardized.path
        let root = ProcessInfo.processInfo.environment["SLUICE_CONFORMANCE"] ?? folder
        let cases = root + "/json-parsing/test_parsing"
        return ((try? FileManager.default.contentsOfDirectory(atPath: cases)) ?? []).sorted().map { cases + "/" + $0 }
    }()

    @Test(.enabled(if: !files.isEmpty), arguments: files)
    func `Every case is taken or refused as its name says`(_ file: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        let name = (file as NSString).lastPathComponent
        let accepted = (try? JSONParser.validate(bytes)) != nil
        #expect(accepted == ((try? JSONParser.parse(bytes)) != nil))
        if name.hasPrefix("y_") { #expect(accepted) }
        if name.hasPrefix("n_") { #expect(!accepted) }
        // The i_ cases are ours to decide: no broken UTF-8, no lone surrogates, no byte-order mark, depth 64.
        if name.hasPrefix("i_number") { #expect(accepted) }
        if name.hasPrefix("i_string") || name.hasPrefix("i_structure") || name.hasPrefix("i_object") {
            #expect(!accepted)
        }
    }
}

struct Mixer: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ (state >> 29)) &* 0x94D0_49BB_1331_11EB
    }
}
