import HTTPSupport
import JobModel
import NIOEmbedded
import NIOHTTP1
import Testing

@Suite struct RouteTableTests {
    private func table(_ routes: [(String, String)]) throws -> RouteTable {
        RouteTable(
            try routes.map { method, path in
                Route(method, try PathPattern(path)) { _, context in
                    let parameters = context.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
                    return .response(.text(200, "\(method) \(path) \(parameters)"))
                }
            })
    }

    private func answer(_ table: RouteTable, _ method: String, _ segments: [String]) async throws -> String {
        switch table.match(method: method, segments: segments) {
        case .notFound: return "404"
        case .methodNotAllowed(let allowed): return "405 \(allowed.joined(separator: " "))"
        case .found(let handler, let parameters):
            let request = ServerRequest(
                method: method, rawPath: "/", connection: ClientConnection(peer: nil, eventLoop: NoLoop.shared))
            let context = RouteContext(requestID: "", parameters: parameters, clientAddress: "")
            guard case .response(let response) = try await handler(request, context) else { return "stream" }
            return String(decoding: response.body, as: UTF8.self)
        }
    }

    @Test func `The earlier literal wins, methods are told apart, HEAD is GET`() async throws {
        let table = try table([
            ("POST", "a/b"), ("POST", "a/{x}"), ("GET", "a/{y}"), ("POST", "{z}/b"), ("GET", "a/{y}/status/{id}"),
        ])
        #expect(try await answer(table, "POST", ["a", "b"]) == "POST a/b ")
        #expect(try await answer(table, "POST", ["a", "c"]) == "POST a/{x} x=c")
        #expect(try await answer(table, "GET", ["a", "b"]) == "GET a/{y} y=b")
        #expect(try await answer(table, "HEAD", ["a", "b"]) == "GET a/{y} y=b")
        #expect(try await answer(table, "POST", ["q", "b"]) == "POST {z}/b z=q")
        #expect(try await answer(table, "GET", ["a", "1", "status", "2"]) == "GET a/{y}/status/{id} y=1,id=2")
        #expect(try await answer(table, "PUT", ["a", "b"]) == "405 GET HEAD OPTIONS POST")
        #expect(try await answer(table, "GET", ["a"]) == "404")
        #expect(try await answer(table, "GET", []) == "404")
        #expect(try await answer(table, "GET", ["a", "b", "c"]) == "404")
    }

    @Test func `A literal is met by its own bytes only`() async throws {
        let table = try table([("GET", "Key"), ("GET", "Key/{x}")])
        #expect(try await answer(table, "GET", ["Key"]) == "GET Key ")
        #expect(try await answer(table, "GET", ["\u{212A}ey"]) == "404")
        #expect(try await answer(table, "GET", ["key"]) == "404")
        // A value stays as it came.
        let values = try await answer(table, "GET", ["Key", "e\u{301}"])
        #expect(values.utf8.elementsEqual("GET Key/{x} x=e\u{301}".utf8))
    }
}

enum NoLoop {
    static let shared = EmbeddedEventLoop()
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
            ("0.0.0.0", "anything", true), ("10.0.0.1", "anything", true), ("::1", "evil", false),
            ("127.0.0.1", nil, true),
        ] as [(String, String?, Bool)])
    func `On loopback only our own names are answered`(_ listening: String, _ host: String?, _ allowed: Bool) {
        #expect(HostCheck(listening: listening, further: ["mine.example.com"]).allows(host) == allowed)
    }

    @Test func `A host is ours by its bytes`() {
        let check = HostCheck(listening: "127.0.0.1", further: ["kiosk.example.com"])
        #expect(check.allows("KIOSK.example.com:3000"))
        #expect(check.allows("localhost:"))
        #expect(!check.allows("\u{212A}iosk.example.com"))
        #expect(!check.allows("localhost:\u{663}"))
        #expect(!check.allows("localhost\u{301}"))
    }

    @Test(arguments: [
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"), ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.7, 10.0.0.2"], "198.51.100.7"), ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.7"], "198.51.100.7"), ("10.0.0.1", ["6.6.6.6, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    ])
    func `X-Forwarded-For is believed from the right, as far as proxies are trusted`(
        _ peer: String, _ fields: [String], _ expected: String
    ) throws {
        let address = ClientAddress(trustedProxies: [try #require(NetworkRange("10.0.0.0/8"))])
        #expect(address.of(peer: IPAddress(peer), forwardedFor: fields)?.description == expected)
    }

    @Test func `Bearer tokens are read, others are none`() {
        #expect(BearerToken.of(["Authorization": "bearer abc"]) == "abc")
        // One space or more (RFC 9110, section 11.4).
        #expect(BearerToken.of(["Authorization": "Bearer  abc"]) == "abc")
        #expect(BearerToken.of(["Authorization": "Basic abc"]) == nil)
        #expect(BearerToken.of(["Authorization": "Bearer"]) == nil)
        #expect(BearerToken.of([("Authorization", "Bearer a"), ("Authorization", "Bearer b")].headers) == nil)
        #expect(BearerToken.of(["Authorization": "Bearer \(String(repeating: "a", count: 5000))"]) == nil)
        #expect(ConstantTime.equal([1, 2], [1, 2]))
        #expect(!ConstantTime.equal([1, 2], [1, 3]))
        #expect(!ConstantTime.equal([1, 2], [1]))
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

extension [(String, String)] {
    var headers: HTTPHeaders { HTTPHeaders(self) }
}
