import JobModel
import NIOHTTP1
import Testing

@testable import HTTPSupport

@Suite struct RouteTableTests {
    private func table(_ routes: [(String, String)]) throws -> RouteTable {
        RouteTable(
            try routes.map { method, path in
                Route(method, try PathPattern(path), .open, Operation("\(method) \(path)", answers: [])) { _, _ in
                    .response(.text(200, ""))
                }
            })
    }

    private func answer(_ table: RouteTable, _ method: String, _ segments: [String]) -> String {
        switch table.match(method: method, segments: segments) {
        case .notFound: return "404"
        case .methodNotAllowed(let allowed): return "405 \(allowed.joined(separator: " "))"
        case .found(let route, let parameters):
            let parameters = parameters.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
            return "\(route.operation.summary) \(parameters)"
        }
    }

    @Test func `The earlier literal wins, methods are told apart, HEAD is GET`() async throws {
        let table = try table([
            ("POST", "a/b"), ("POST", "a/{x}"), ("GET", "a/{y}"), ("POST", "{z}/b"), ("GET", "a/{y}/status/{id}"),
        ])
        #expect(answer(table, "POST", ["a", "b"]) == "POST a/b ")
        #expect(answer(table, "POST", ["a", "c"]) == "POST a/{x} x=c")
        #expect(answer(table, "GET", ["a", "b"]) == "GET a/{y} y=b")
        #expect(answer(table, "HEAD", ["a", "b"]) == "GET a/{y} y=b")
        #expect(answer(table, "POST", ["q", "b"]) == "POST {z}/b z=q")
        #expect(answer(table, "GET", ["a", "1", "status", "2"]) == "GET a/{y}/status/{id} y=1,id=2")
        #expect(answer(table, "PUT", ["a", "b"]) == "405 GET HEAD OPTIONS POST")
        #expect(answer(table, "GET", ["a"]) == "404")
        #expect(answer(table, "GET", []) == "404")
        #expect(answer(table, "GET", ["a", "b", "c"]) == "404")
    }

    @Test func `A literal is met by its own bytes only`() async throws {
        let table = try table([("GET", "Key"), ("GET", "Key/{x}")])
        #expect(answer(table, "GET", ["Key"]) == "GET Key ")
        #expect(answer(table, "GET", ["\u{212A}ey"]) == "404")
        #expect(answer(table, "GET", ["key"]) == "404")
        // A value stays as it came.
        let values = answer(table, "GET", ["Key", "e\u{301}"])
        #expect(values.utf8.elementsEqual("GET Key/{x} x=e\u{301}".utf8))
    }
}

@Suite struct RequestPathTests {
    @Test(
        arguments: [
            ("/a/b", ["a", "b"]), ("/a%20b/%C3%BC", ["a b", "ü"]), ("/a%2Fb", ["a/b"]), ("/%2e%2E", nil),
            ("/a//b", nil),
            ("/", nil), ("/a/", nil), ("/a/./b", nil), ("/a/../b", nil), ("/a+b", ["a+b"]),
        ] as [(String, [String]?)])
    func `A path is split and decoded, never normalised`(_ path: String, _ segments: [String]?) throws {
        #expect(try RequestPath.segments(of: path) == segments)
    }

    @Test(arguments: ["/%", "/%4", "/%zz", "/%ff", "/%C3", "/%00", "/a%0Ab", "/%7f"])
    func `Broken encodings are refused`(_ path: String) {
        #expect(throws: RequestPath.Problem.self) { try RequestPath.segments(of: path) }
    }

    @Test func `A query has so many values and no more`() throws {
        func items(_ count: Int) throws -> Int {
            let query = (0..<count).map { "a\($0)=1" }.joined(separator: "&")
            return try RequestFields.query(
                ServerRequest(method: "GET", rawPath: "/", rawQuery: query, connection: ClientConnection(peer: nil))
            ).count
        }
        #expect(try items(HTTPLimits.queryItems) == HTTPLimits.queryItems)
        #expect(throws: Problem.self) { try items(HTTPLimits.queryItems + 1) }
    }

    @Test func `Query items come in order, plus is a space`() throws {
        let items = try Query.items(of: "a=1&b&a=2+3&=x&c=%26%3D&&d==e")
        #expect(items.map(\.name) == ["a", "b", "a", "", "c", "d"])
        #expect(items.map(\.value) == ["1", "", "2 3", "x", "&=", "=e"])
    }

    @Test func `A combining mark hides no separator`() throws {
        #expect(try RequestPath.segments(of: "/a/\u{301}b") == ["a", "\u{301}b"])
        #expect(try RequestPath.segments(of: "/a/\u{301}/../b") == nil)
        let items = try Query.items(of: "a=\u{301}1&\u{301}b=2")
        #expect(items.map(\.name) == ["a", "\u{301}b"])
        #expect(items.map(\.value) == ["\u{301}1", "2"])
    }
}

@Suite struct DoorTests {
    @Test(
        arguments: [
            ("127.0.0.1", "localhost:3000", true), ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "[::1]:80", true),
            ("127.0.0.1", "evil.example.com", false), ("127.0.0.1", "localhost.evil.com", false),
            ("127.0.0.1", "mine.example.com:3000", true), ("localhost", "LOCALHOST", true), ("127.0.0.1", "", false),
            ("::1", "evil", false),
            ("127.0.0.1", nil, true),
        ] as [(String, String?, Bool)])
    func `On loopback only our own names are answered`(_ listening: String, _ host: String?, _ allowed: Bool) {
        #expect(HostCheck(listening: listening, further: ["mine.example.com"]).allows(host, peer: nil) == allowed)
    }

    @Test(
        arguments: [
            ("anything", "10.0.0.9", [], true), ("anything", "127.0.0.1", [], false), ("anything", "::1", [], false),
            ("localhost:3000", "127.0.0.1", [], true), ("10.0.0.1:3000", "127.0.0.1", [], true),
            ("jobs.example.com", "127.0.0.1", [], true), ("anything", "10.0.0.9", ["mine.example.com"], false),
            ("mine.example.com", "10.0.0.9", ["mine.example.com"], true),
            ("jobs.example.com", "10.0.0.9", ["mine.example.com"], true), (nil, "127.0.0.1", [], true),
        ] as [(String?, String, [String], Bool)])
    func `Beyond loopback a peer on this machine is checked, and everybody when hosts are named`(
        _ host: String?, _ peer: String, _ further: [String], _ allowed: Bool
    ) {
        let check = HostCheck(
            listening: "0.0.0.0", further: further, publicURL: "https://Jobs.example.com:8443")
        #expect(check.allows(host, peer: IPAddress(peer)) == allowed)
    }

    @Test func `A host is ours by its bytes`() {
        let check = HostCheck(listening: "127.0.0.1", further: ["kiosk.example.com"])
        #expect(check.allows("KIOSK.example.com:3000", peer: nil))
        #expect(check.allows("localhost:", peer: nil))
        #expect(!check.allows("\u{212A}iosk.example.com", peer: nil))
        #expect(!check.allows("localhost:\u{663}", peer: nil))
        #expect(!check.allows("localhost\u{301}", peer: nil))
    }

    @Test(arguments: [
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"), ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.7, 10.0.0.2"], "198.51.100.7"), ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.7"], "198.51.100.7"), ("10.0.0.1", ["6.6.6.6, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"), ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["[2001:db8::7]:4711"], "2001:db8::7"), ("10.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"), ("10.0.0.1", ["198.51.100.7:"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7:99999999"], "10.0.0.1"), ("10.0.0.1", ["[198.51.100.7]:1"], "10.0.0.1"),
        ("10.0.0.1", ["\t198.51.100.7 "], "198.51.100.7"), ("10.0.0.1", ["unknown"], "10.0.0.1"),
    ])
    func `X-Forwarded-For is believed from the right, as far as proxies are trusted`(
        _ peer: String, _ fields: [String], _ expected: String
    ) throws {
        let address = ClientAddress(trustedProxies: [try #require(NetworkRange("10.0.0.0/8"))])
        #expect(address.of(peer: IPAddress(peer), forwardedFor: fields)?.description == expected)
    }

    @Test(
        arguments: [
            ([], .missing), (["bearer good"], .valid(.account("a"))), (["Bearer  good"], .valid(.account("a"))),
            (["Bearer \(DoorTests.admin)"], .valid(.admin)), (["Basic dXNlcjpwYXNz"], .foreign), (["Bearer"], .foreign),
            (["Bearer theirs"], .foreign), (["Bearer good", "Bearer good"], .invalid), (["Bearer slc_1"], .invalid),
            (["Bearer slc_1 x"], .invalid), (["slc_1"], .invalid), (["Token slc_1"], .invalid),
            (["Basic c2xjXzE6eA=="], .invalid), (["Basic \(DoorTests.admin)"], .invalid),
            (["Bearer e30.eyJpc3MiOiJzbHVpY2UifQ.c2ln"], .invalid),
            (["Bearer e30.eyJpc3MiOiJvdGhlcnMifQ.c2ln"], .foreign),
            (["Bearer \(String(repeating: "a", count: 5000))"], .foreign),
        ] as [([String], Credentials)])
    func `Credentials are ours by their form, and valid or not`(_ fields: [String], _ expected: Credentials) {
        let authenticator = BearerAuthenticator(admin: Secret(Self.admin), keyMark: "slc_") {
            $0 == "good" ? "a" : nil
        }
        let request = ServerRequest(
            method: "GET", rawPath: "/", headers: HTTPHeaders(fields.map { ("Authorization", $0) }),
            connection: ClientConnection(peer: nil))
        #expect(authenticator.credentials(of: request) == expected)
    }

    static let admin = "0123456789abcdef0123456789abcdef"

    @Test(
        arguments: [
            ("POST", nil, nil, true), ("POST", nil, "same-origin", true), ("POST", nil, "none", true),
            ("POST", nil, "cross-site", false), ("POST", "https://evil.example", nil, false),
            ("POST", "null", nil, false), ("POST", "https://evil.example", "same-site", false),
            ("POST", "http://jobs.test:3000", nil, true), ("POST", "https://jobs.test:3000", "same-origin", true),
            ("POST", "http://jobs.test", nil, false), ("POST", "https://public.test", nil, true),
            ("POST", "https://app.test", "cross-site", true), ("POST", "https://app.test.evil.example", nil, false),
            ("DELETE", "https://evil.example", nil, false), ("PUT", nil, "CROSS-SITE", false),
            ("GET", "https://evil.example", "cross-site", true), ("HEAD", nil, "cross-site", true),
            ("OPTIONS", "https://evil.example", nil, true),
        ] as [(String, String?, String?, Bool)])
    func `What another site's page sends is refused, unless the manifest lets it in`(
        _ method: String, _ origin: String?, _ site: String?, _ allowed: Bool
    ) {
        let check = SiteCheck(publicURL: "https://public.test", origins: ["https://app.test"])
        var headers = HTTPHeaders()
        if let origin { headers.add(name: "Origin", value: origin) }
        if let site { headers.add(name: "Sec-Fetch-Site", value: site) }
        let request = ServerRequest(
            method: method, rawPath: "/", headers: headers, host: "Jobs.test:3000",
            connection: ClientConnection(peer: nil))
        let passes = (try? check.check(request)) != nil
        #expect(passes == allowed)
    }

    @Test func `Somebody else's job is not for these eyes`() {
        #expect(Viewer.link(nil).maySee(owner: nil))
        #expect(!Viewer.link(nil).maySee(owner: "a"))
        #expect(Viewer.link(.account("a")).maySee(owner: "a"))
        #expect(!Viewer.link(.account("b")).maySee(owner: "a"))
        #expect(!Viewer.link(.account("a")).maySee(owner: "admin"))
        #expect(Viewer.link(.admin).maySee(owner: "a"))
    }
}
