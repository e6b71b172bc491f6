import Foundation
import PayloadSchema
import TestClient
import Testing

/// What is decided before a function is asked: who sends a request, from where, and what its answer begins with.
@Suite(.timeLimit(.minutes(2))) struct FrontDoorTests {
    private static func manifest(_ server: String = "", target: String = "http://127.0.0.1:1") -> String {
        """
        version: 1
        server: {\(server)}
        functions:
          open:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
          forward:
            handler: {http: {url: "\(target)/", forwardHeaders: [Authorization, X-Api-Key, X-Trace]}}
            endpoint: {auth: public}
            retry: {attempts: 1}
        """
    }

    @Test(arguments: [
        ("", [], "http://localhost:PORT"),
        ("", ["X-Forwarded-Proto: https"], "http://localhost:PORT"),
        ("trustedProxies: [127.0.0.1]", ["X-Forwarded-Proto: https"], "https://localhost:PORT"),
        ("trustedProxies: [127.0.0.1]", ["X-Forwarded-Proto: gopher"], "http://localhost:PORT"),
        ("publicUrl: \"https://jobs.example.com\"", [], "https://jobs.example.com"),
        ("publicUrl: \"https://jobs.example.com:8443/\"", [], "https://jobs.example.com:8443"),
    ])
    func `Location is absolute`(_ settings: String, _ headers: [String], _ base: String) async throws {
        let server = try await ServerProcess(manifest: Self.manifest(settings))
        let reply = try await server.post("/api/v1/open", "{}", headers: headers)
        let path = try #require(reply.json["statusUrl"]?.string)
        #expect(reply["location"] == base.replacing("PORT", with: "\(server.port)") + path)
    }

    @Test func `The public URL's host is one of ours`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest("publicUrl: \"https://jobs.example.com\""))
        for (host, status) in [("jobs.example.com", 200), ("other.example.com", 421)] {
            let reply = try await offPool { [port = server.port] in
                let connection = try RawConnection(port: port)
                try connection.send("GET /livez HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                return try connection.response()
            }
            #expect(reply.status == status)
        }
    }

    @Test func `A page of another site may look and not send`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest("cors: {origins: [\"https://app.example\"]}"))
        let refused = try await server.post("/api/v1/open", "{}", headers: ["Origin: https://evil.example"])
        #expect(refused.status == 403)
        #expect(refused.json["type"] == "urn:sluice:problem:cross-site")
        // Without a body no preflight comes first.
        let empty = try await server.request(
            "POST", "/api/v1/open", headers: ["Sec-Fetch-Site: cross-site"], body: [])
        #expect(empty.status == 403)
        let own = try await server.post(
            "/api/v1/open", "{}", headers: ["Origin: http://localhost:\(server.port)", "Sec-Fetch-Site: same-origin"])
        #expect(own.status == 202)
        let named = try await server.post(
            "/api/v1/open", "{}", headers: ["Origin: https://app.example", "Sec-Fetch-Site: cross-site"])
        #expect(named.status == 202)
        #expect(named["access-control-allow-origin"] == "https://app.example")
        let look = try await server.get("/livez", headers: ["Origin: https://evil.example"])
        #expect(look.status == 200)
        #expect(look["x-content-type-options"] == "nosniff")
    }

    @Test func `No credential of ours reaches a target, valid or not, others do`() async throws {
        let target = try RawServer { peer in
            while true {
                try peer.request()
                try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            }
        }
        let server = try await ServerProcess(manifest: Self.manifest(target: target.url))
        let admin = try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let basic = Data("user:\(admin)".utf8).base64EncodedString()
        for value in [
            "Authorization: Bearer slc_00000000_1234", "Authorization: Basic \(basic)",
            "Authorization: Bearer \(admin) x",
            "Authorization: slc_00000000_1234",
        ] {
            #expect(try await server.post("/api/v1/forward", "{}", headers: [value]).status == 401, "\(value)")
        }
        let twice = ["Authorization: Basic a", "Authorization: Basic b"]
        #expect(try await server.post("/api/v1/forward", "{}", headers: twice).status == 401)
        let url = try await server.accept(
            "/api/v1/forward",
            headers: [
                "Authorization: Bearer \(admin)", "X-Api-Key: slc_00000000_1234", "X-Trace: theirs",
            ])
        _ = try await server.get(url + "?wait=20", headers: ["Authorization: Bearer \(admin)"])
        let other = try await server.accept("/api/v1/forward", headers: ["Authorization: Basic dGhlaXJzOnB3"])
        _ = try await server.end(of: other)
        let sent = target.requests.joined(separator: "\n")
        #expect(sent.contains("theirs"))
        #expect(sent.contains("Basic dGhlaXJzOnB3"))
        #expect(!sent.contains(admin))
        #expect(!sent.contains("slc_"))
    }

    @Test(arguments: ["/api/jobs", "/api/jobs/x", "/api/auth/login"])
    func `Errors below the jobs API look as that does`(_ path: String) async throws {
        let server = try await ServerProcess(manifest: Self.manifest())
        let reply = try await server.get(path)
        #expect(reply.status == 404)
        #expect(reply["content-type"] == "application/json")
        #expect(reply.json["success"] == false)
        #expect(reply.json["message"]?.string?.isEmpty == false)
        #expect(try await server.get("/api/jobsx")["content-type"] == "application/problem+json")
    }

    @Test func `A proxy that is not trusted is warned of once`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest())
        for _ in 0..<3 { _ = try await server.get("/livez", headers: ["X-Forwarded-For: 203.0.113.1"]) }
        try await server.waitForLog("server.trustedProxies does not name")
    }
}
