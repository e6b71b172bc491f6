import Foundation
import PayloadSchema
import Testing

@Suite struct JavaScriptTextTests {
    private func rewritten(_ text: String) throws -> String { try JSONParser.parse(text).asJavaScript.text }

    /// What Node prints for `JSON.stringify(JSON.parse(text))`.
    @Test(arguments: [
        ("1.0", "1"), ("-0", "0"), ("1e0", "1"), ("1.50", "1.5"), ("100", "100"), ("1e2", "100"), ("0.1", "0.1"),
        ("0.000001", "0.000001"), ("0.0000001", "1e-7"), ("123e-20", "1.23e-18"), ("1e21", "1e+21"),
        ("1e20", "100000000000000000000"), ("123456789012345680000", "123456789012345680000"),
        ("12345678901234567890", "12345678901234567000"), ("9007199254740993", "9007199254740992"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"), ("5e-324", "5e-324"), ("1e400", "null"),
        ("-1e400", "null"), ("1e-400", "0"), ("-12.5e-1", "-1.25"), ("4.35", "4.35"), ("1e16", "10000000000000000"),
        ("0.00001234", "0.00001234"),
        (#"{ "b" : 1, "a": [ 1.0 , {} ] }"#, #"{"b":1,"a":[1,{}]}"#),
        (
            #"{"b":0,"10":1,"9":2,"01":3,"-1":4,"4294967295":5,"4294967294":6}"#,
            #"{"9":2,"10":1,"4294967294":6,"b":0,"01":3,"-1":4,"4294967295":5}"#
        ),
        (#""\/\u00e9\u2028\u001f""#, "\"/é\u{2028}\\u001f\""),
    ])
    func `A value is written as JavaScript writes it`(_ text: String, _ expected: String) throws {
        #expect(try rewritten(text) == expected)
        // Written again, it stays as it is.
        #expect(try rewritten(expected) == expected)
    }

    @Test func `What is written reads as the same numbers`() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let value = Double(bitPattern: UInt64.random(in: 0 ... .max, using: &generator))
            guard value.isFinite else { continue }
            let text = try rewritten("\(value)")
            #expect(Double(text) == value, "\(value) became \(text)")
            #expect(try rewritten(text) == text)
        }
    }

    /// Where there is Node, it is asked itself.
    @Test func `Node agrees on numbers of every size`() throws {
        let node = "/usr/bin/env"
        var numbers: [String] = []
        var state: UInt64 = 42
        for exponent in -330...310 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            numbers.append("\(state % 10_000_000).\(state >> 40)e\(exponent)")
        }
        let text = "[\(numbers.joined(separator: ","))]"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: node)
        process.arguments = ["node", "-e", "process.stdout.write(JSON.stringify(JSON.parse(process.argv[1])))", text]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus != 127 else { return }
        #expect(try rewritten(text) == String(decoding: said, as: UTF8.self))
    }
}
