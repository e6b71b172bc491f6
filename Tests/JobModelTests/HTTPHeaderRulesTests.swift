import JobModel
import Testing

@Suite struct HTTPHeaderRulesTests {
    private static let longName = String(repeating: "x", count: 100_000)

    @Test(arguments: ["a", "X-Request-Id", "!#$%&'*+-.^_`|~09azAZ", longName])
    func `A token names a field`(_ name: String) {
        #expect(HTTPHeaderRules.isToken(name))
        #expect(HTTPHeaderRules.maySet(name))
        #expect(HTTPHeaderRules.mayForward(name))
    }

    @Test(arguments: [
        "", " ", "a b", "a ", "a:", "a\r", "a\n", "a\u{0}", "a\u{7F}", "a\t", "a/b", "\"a\"", "a(b)", "\u{212A}ey",
        "\u{E9}",
        "e\u{301}", longName + " ",
    ])
    func `Everything else names none`(_ name: String) {
        #expect(!HTTPHeaderRules.isToken(name))
        #expect(!HTTPHeaderRules.maySet(name))
        #expect(!HTTPHeaderRules.mayForward(name))
    }

    @Test func `Of single bytes 77 are tokens`() {
        let tokens = (UInt8.min...UInt8.max).filter { HTTPHeaderRules.isToken(String(UnicodeScalar($0))) }
        #expect(tokens.count == 77)
    }

    @Test func `A value is what has no control character but tabs`() {
        for byte in UInt8.min..<0x80 {
            let isControl = byte < 0x20 && byte != 0x09 || byte == 0x7F
            #expect(HTTPHeaderRules.isValue("a\(UnicodeScalar(byte))b") == !isControl)
        }
        // A Swift character may hide a line break behind another.
        #expect(!HTTPHeaderRules.isValue("a\r\nX-Other: b"))
        #expect(!HTTPHeaderRules.isValue("a\n\u{301}"))
    }

    @Test(arguments: ["", " ", "\t", "\u{80}\u{FF}", "\u{212A}", "\u{1F600}", longName])
    func `Empty values pass, and bytes above ASCII do`(_ value: String) { #expect(HTTPHeaderRules.isValue(value)) }

    @Test(arguments: [
        "host", "Content-Length", "TRANSFER-ENCODING", "Connection", "Keep-Alive", "Proxy-Connection",
        "proxy-authorization", "TE", "Trailer", "Upgrade", "Expect", "cooKie",
    ])
    func `What belongs to the connection is set by nobody`(_ name: String) {
        #expect(HTTPHeaderRules.isToken(name))
        #expect(!HTTPHeaderRules.maySet(name))
        #expect(!HTTPHeaderRules.mayForward(name))
    }

    @Test(arguments: ["Content-Type", "idempotency-KEY", "traceparent", "Sluice-Job-Id", "sluice-"])
    func `Sluice's own fields are set by a manifest, and never passed on`(_ name: String) {
        #expect(HTTPHeaderRules.maySet(name))
        #expect(!HTTPHeaderRules.mayForward(name))
    }

    @Test(arguments: [
        ("Authorization", true), ("X-API-Key", true), ("api-key", true), ("x-auth-token", true), ("X-Key", false),
        ("X-API-\u{212A}ey", false), ("", false),
    ])
    func `Fields that carry a secret are known`(_ name: String, _ isCredential: Bool) {
        #expect(HTTPHeaderRules.isCredential(name) == isCredential)
    }

    @Test func `A caller's field goes on by its bytes`() throws {
        var target = HTTPTarget(url: try Template("https://h/"))
        target.forwardHeaders = ["X-Key"]
        #expect(target.forwards("x-kEY"))
        #expect(!target.forwards("X-\u{212A}ey"))
        #expect(!target.forwards("X-Ke"))
    }
}
