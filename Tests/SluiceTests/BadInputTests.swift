import Foundation
import PayloadSchema
import TestClient
import Testing

/// What clients send by mistake or in bad faith: a clear answer, nothing queued, and the next request is served.
@Suite struct BadInputTests {
    let server: ServerProcess

    init() async throws {
        server = try await ServerProcess(manifest: TestManifest.text)
    }

    private func expectProblem(
        _ reply: HTTPReply, _ status: Int, _ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation
    ) {
        #expect(reply.status == status, comment, sourceLocation: location)
        #expect(reply["content-type"] == "application/problem+json", comment, sourceLocation: location)
        #expect(reply.json["status"] == .integer(status), comment, sourceLocation: location)
        for member in ["type", "title", "detail", "requestId"] {
            #expect(reply.json[member]?.string?.isEmpty == false, comment, sourceLocation: location)
        }
    }

    private func raw(_ text: String) async throws -> HTTPReply { try await raw(Array(text.utf8)) }

    private func raw(_ bytes: [UInt8]) async throws -> HTTPReply {
        let port = server.port
        return try await offPool {
            let connection = try RawConnection(port: port)
            try? connection.send(bytes)
            return try connection.response()
        }
    }

    @Test(arguments: [
        "{", "nope", "{\"a\":1,}", "[1 2]", "\"\u{1}\"", "01", "1.", "--1", "{\"a\" 1}", "\u{FEFF}{}", "NaN", "'a'",
        "{} {}", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\x\"", "tru", "\"open",
    ])
    func `A body that is not JSON is a 400 that says where`(_ body: String) async throws {
        let reply = try await server.post("/api/v1/fast", body)
        expectProblem(reply, 400)
        #expect(reply.json["detail"]?.string?.contains("line 1") == true)
    }

    @Test func `Bytes that are not UTF-8, and a raw NUL, are a 400`() async throws {
        for body: [UInt8] in [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0x00, 0x22], [0x00], [0x7B, 0x00],
        ] {
            let reply = try await server.request(
                "POST", "/api/v1/fast", headers: ["Content-Type: application/json"], body: body)
            expectProblem(reply, 400)
        }
    }

    @Test func `An escaped NUL and duplicate keys are accepted`() async throws {
        #expect(try await server.post("/api/v1/fast", #"{"a":"\u0000","a":2}"#).status == 202)
    }

    @Test func `A hundred thousand nested arrays are a 400`() async throws {
        let deep = String(repeating: "[", count: 100_000)
        expectProblem(try await server.post("/api/v1/fast", deep), 400)
        expectProblem(try await server.post("/api/v1/fast", deep + String(repeating: "]", count: 100_000)), 400)
        let allowed = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(try await server.post("/api/v1/fast", allowed).status == 202)
        expectProblem(try await server.post("/api/v1/fast", "[\(allowed)]"), 400)
    }

    @Test func `A body of 1 MiB is taken, one byte more is a 413, with and without a length`() async throws {
        let limit = 1 << 20
        func body(_ count: Int) -> [UInt8] { [0x22] + [UInt8](repeating: 0x61, count: count - 2) + [0x22] }
        let type = ["Content-Type: application/json"]
        #expect(try await server.request("POST", "/api/v1/fast", headers: type, body: body(limit)).status == 202)
        expectProblem(try await server.request("POST", "/api/v1/fast", headers: type, body: body(limit + 1)), 413)
        let chunk = String(limit + 1, radix: 16)
        let head = "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        let chunked = Array("\(head)Transfer-Encoding: chunked\r\n\r\n\(chunk)\r\n".utf8) + body(limit + 1)
        expectProblem(try await raw(chunked + Array("\r\n0\r\n\r\n".utf8)), 413)
        // Whoever asks first is told before anything is sent.
        expectProblem(
            try await raw("\(head)Content-Length: \(limit + 1)\r\nExpect: 100-continue\r\n\r\n"), 413)
    }

    @Test func `A chunked body is taken`() async throws {
        let reply = try await raw(
            "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
        #expect(reply.status == 202)
    }

    @Test func `Expect 100-continue is answered before the body`() async throws {
        let port = server.port
        try await offPool {
            let connection = try RawConnection(port: port)
            try connection.send(
                "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            #expect(try connection.readHead().hasPrefix("HTTP/1.1 100"))
            try connection.send("{}")
            #expect(try connection.response().status == 202)
        }
    }

    @Test(arguments: [
        "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", "text/json",
        "application/json; charset=latin1",
    ])
    func `Another content type is a 415 that names the cure`(_ type: String) async throws {
        let reply = try await server.request(
            "POST", "/api/v1/fast", headers: ["Content-Type: \(type)"], body: Array("{}".utf8))
        expectProblem(reply, 415)
        #expect(reply.json["detail"]?.string?.contains("curl --json") == true)
    }

    @Test(arguments: ["application/json", "application/JSON; charset=\"UTF-8\"", "application/cloudevents+json"])
    func `JSON types are taken`(_ type: String) async throws {
        let reply = try await server.request(
            "POST", "/api/v1/fast", headers: ["Content-Type: \(type)"], body: Array("{}".utf8))
        #expect(reply.status == 202)
    }

    @Test func `An empty body needs no type, a body without one is a 415`() async throws {
        #expect(try await server.request("POST", "/api/v1/fast").status == 202)
        #expect(try await server.request("POST", "/api/v1/fast", body: []).status == 202)
        expectProblem(try await server.request("POST", "/api/v1/fast", body: Array("{}".utf8)), 415)
        expectProblem(
            try await server.request(
                "POST", "/api/v1/fast", headers: ["Content-Type: application/json", "Content-Encoding: gzip"],
                body: Array("{}".utf8)), 415)
    }

    @Test(arguments: ["GET", "PUT", "PATCH", "DELETE", "HEAD", "BREW"])
    func `A wrong method is a 405 with Allow`(_ method: String) async throws {
        let reply = try await server.request(method, "/api/v1/fast")
        if method == "BREW" {
            // No method that the parser knows.
            #expect(reply.status == 400)
        } else {
            #expect(reply.status == 405)
            #expect(reply["allow"] == "OPTIONS, POST")
        }
    }

    @Test func `HEAD is answered as GET without a body`() async throws {
        let reply = try await server.request("HEAD", "/livez")
        #expect(reply.status == 200)
        #expect(reply.body.isEmpty)
        #expect(reply["content-length"] == "18")
    }

    @Test func `OPTIONS names what is allowed`() async throws {
        let reply = try await server.request("OPTIONS", "/api/v1/fast")
        #expect(reply.status == 204)
        #expect(reply["allow"] == "OPTIONS, POST")
    }

    @Test(arguments: [
        "/api/v1/nosuch", "/api/v1", "/api/v1/", "/", "/api/v1/fast/", "/api/v1//fast", "//api/v1/fast",
        "/api/v1/./fast", "/api/v1/x/../fast", "/api/v1/%2e%2e/v1/fast", "/api/v1/fast%2f", "/API/v1/fast",
        "/api/v1/fast;x=1", "/api\\v1\\fast",
    ])
    func `An unknown path is a 404, and no spelling leads to another's function`(_ path: String) async throws {
        expectProblem(try await server.post(path, "{}"), 404)
    }

    @Test(arguments: ["/api/v1/fa%00st", "/api/v1/%ff", "/api/v1/%zz", "/api/v1/%", "/api/v1/fast?x=%ff"])
    func `Broken percent-encoding is a 400`(_ path: String) async throws {
        expectProblem(try await server.post(path, "{}"), 400)
    }

    @Test func `A deep path is a 404`() async throws {
        expectProblem(try await server.post(String(repeating: "/a", count: 10_000), "{}"), 404)
    }

    @Test(arguments: [
        "Sluice-Delay: 5", "Sluice-Delay: soon", "Sluice-Delay: 31d", "Sluice-Not-Before: tomorrow",
        "Sluice-Not-Before: 2999-01-01T00:00:00Z", "Sluice-Not-Before: 99999999999999999999999",
        "Sluice-Delay: 9223372036854775807d",
    ])
    func `A bad start is a 400`(_ header: String) async throws {
        expectProblem(try await server.post("/api/v1/fast", "{}", headers: [header]), 400)
    }

    @Test func `A start in the past is now`() async throws {
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Not-Before: 2001-01-01T00:00:00Z"])
        #expect(try await server.end(of: url).status == 200)
    }

    @Test func `A webhook without credentials is a 401`() async throws {
        expectProblem(
            try await server.post("/api/v1/fast", "{}", headers: ["Sluice-Webhook: https://example.com"]), 401)
    }

    // MARK: HTTP itself

    @Test(arguments: [
        "GET /livez HTTP/1.1\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "GET /livez HTTP/1.1\nHost: localhost\n\n",
        "GET /livez HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
        "GET livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /livez HTTP/3.0\r\nHost: localhost\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\u{0}\r\n\r\n", "hello\r\n\r\n",
    ])
    func `What is no HTTP is a 400 problem, and the connection ends`(_ text: String) async throws {
        let port = server.port
        let reply = try await offPool {
            let connection = try RawConnection(port: port)
            try connection.send(text)
            let reply = try connection.response()
            #expect(connection.isClosed(within: 5))
            return reply
        }
        expectProblem(reply, 400)
        #expect(reply["connection"] == "close")
    }

    @Test func `A head that is too long or has too many fields is a 431`() async throws {
        let long = "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "a", count: 40_000))\r\n\r\n"
        expectProblem(try await raw(long), 431)
        let many = (0...100).map { "X-\($0): a\r\n" }.joined()
        expectProblem(try await raw("GET /livez HTTP/1.1\r\nHost: localhost\r\n\(many)\r\n"), 431)
        expectProblem(try await raw("GET /\(String(repeating: "a", count: 40_000)) HTTP/1.1\r\n\r\n"), 431)
        let endless = String(repeating: "X-A: \(String(repeating: "b", count: 1000))\r\n", count: 300)
        expectProblem(try await raw("GET / HTTP/1.1\r\nHost: localhost\r\n\(endless)"), 431)
    }

    @Test func `A head that never ends is cut off after ten seconds, and others are served meanwhile`() async throws {
        let port = server.port
        async let slow = offPool {
            let connection = try RawConnection(port: port)
            try connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ")
            return try connection.response(seconds: 15)
        }
        #expect(try await server.get("/livez").status == 200)
        expectProblem(try await slow, 408)
    }

    @Test func `Pipelined requests are answered in order, a bad one included`() async throws {
        let port = server.port
        let slow = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let statuses = try await offPool {
            let connection = try RawConnection(port: port)
            let host = "Host: localhost\r\n"
            try connection.send(
                "GET \(slow)?wait=1 HTTP/1.1\r\n\(host)\r\n" + "GET /livez HTTP/1.1\r\n\(host)\r\n"
                    + "GET /nosuch HTTP/1.1\r\n\(host)\r\n" + "GARBAGE\r\n\r\n")
            return try (0..<4).map { _ in try connection.response().status }
        }
        #expect(statuses == [202, 200, 404, 400])
    }

    @Test func `A foreign upgrade is answered normally and the connection closed`() async throws {
        let port = server.port
        for method in ["GET /livez", "POST /api/v1/fast"] {
            let replies = try await offPool {
                try (0..<2).map { _ in
                    let connection = try RawConnection(port: port)
                    try connection.send(
                        "\(method) HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                            + "Upgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\nContent-Type: application/json\r\n"
                            + "Content-Length: 2\r\n\r\n{}")
                    return try connection.response()
                }
            }
            #expect(replies.map(\.status) == (method.hasPrefix("GET") ? [200, 200] : [202, 202]))
            #expect(replies.allSatisfy { $0["connection"] == "close" })
        }
    }

    @Test func `A client that half-closes an event stream, or asks for its head only, gets no stream`() async throws {
        let url = try await server.accept("/api/v1/fast", headers: ["Sluice-Delay: 1h"])
        let port = server.port
        try await offPool {
            let events = "Host: localhost\r\nAccept: text/event-stream\r\n\r\n"
            let closing = try RawConnection(port: port)
            try closing.send("GET \(url) HTTP/1.1\r\n\(events)")
            closing.shutDownOutput()
            #expect(try closing.response(seconds: 5).text.split(separator: "\n").count == 2)
            let head = try RawConnection(port: port)
            try head.send("HEAD \(url) HTTP/1.1\r\n\(events)GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try head.response(toHead: true).status == 202)
            #expect(try head.response().text == #"{"status":"alive"}"#)
            let old = try RawConnection(port: port)
            try old.send("GET \(url) HTTP/1.0\r\n\(events)")
            #expect(try old.response()["transfer-encoding"] == nil)
        }
    }

    @Test func `A foreign Host on loopback is a 421`() async throws {
        let reply = try await raw("GET /livez HTTP/1.1\r\nHost: evil.example.com\r\n\r\n")
        expectProblem(reply, 421)
        #expect(try await raw("GET /livez HTTP/1.1\r\nHost: LOCALHOST:99\r\n\r\n").status == 200)
        #expect(try await raw("GET /livez HTTP/1.1\r\nHost: [::1]\r\n\r\n").status == 200)
        // The authority of an absolute target counts, not the field.
        expectProblem(try await raw("GET http://evil.example.com/livez HTTP/1.1\r\nHost: localhost\r\n\r\n"), 421)
        #expect(try await raw("GET http://localhost/livez HTTP/1.1\r\nHost: evil.example.com\r\n\r\n").status == 200)
    }

    @Test func `HTTP 1.0 is answered and closed`() async throws {
        let port = server.port
        try await offPool {
            let connection = try RawConnection(port: port)
            try connection.send("GET /livez HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try connection.response().status == 200)
            #expect(connection.isClosed(within: 5))
        }
    }

    @Test func `A client that closes its side after sending still gets its answer`() async throws {
        let port = server.port
        let reply = try await offPool {
            let connection = try RawConnection(port: port)
            try connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.shutDownOutput()
            return try connection.response()
        }
        #expect(reply.status == 200)
    }

    @Test func `The order of checks is the contract's`() async throws {
        let big = [UInt8](repeating: 0x61, count: (1 << 20) + 1)
        let text = ["Content-Type: text/plain"]
        #expect(try await server.request("POST", "/api/v1/nosuch", headers: text, body: big).status == 404)
        #expect(try await server.request("PUT", "/api/v1/private", headers: text, body: big).status == 405)
        #expect(try await server.request("POST", "/api/v1/private", headers: text, body: big).status == 401)
        #expect(try await server.request("POST", "/api/v1/fast", headers: text, body: big).status == 413)
        #expect(try await server.request("POST", "/api/v1/fast", headers: text, body: Array("{".utf8)).status == 415)
        _ = try await server.post("/api/v1/fast", "{}", headers: ["Idempotency-Key: order"])
        #expect(try await server.post("/api/v1/fast", "{", headers: ["Idempotency-Key: order"]).status == 400)
        #expect(try await server.post("/api/v1/fast", "[]", headers: ["Idempotency-Key: order"]).status == 422)
    }

    @Test func `The server survives random bytes`() async throws {
        let port = server.port
        try await offPool {
            var generator = SplitMix(state: 42)
            for _ in 0..<300 {
                let connection = try RawConnection(port: port)
                let count = Int.random(in: 1...200, using: &generator)
                var bytes = Array(
                    "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{\"a\":[1]}".utf8)
                for _ in 0..<count % 6 + 1 {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                try? connection.send(bytes)
                connection.shutDownOutput()
                _ = try? connection.readToEnd(seconds: 12)
            }
        }
        #expect(try await server.get("/livez").status == 200)
        #expect(!server.log.contains("Fatal error"))
    }
}

/// A small generator with a known start, so that a failure can be repeated (Steele et al., SplitMix64).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
