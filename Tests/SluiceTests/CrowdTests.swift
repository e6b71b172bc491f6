import Foundation
import TestClient
import Testing

/// Many requests of one caller, and callers that take nothing: the others are served, and a shutdown is not held up.
@Suite(.timeLimit(.minutes(2))) struct CrowdTests {
    private static let manifest = """
        version: 1
        server:
          trustedProxies: [127.0.0.0/8]
          shutdownGrace: 1s
          connections: {perAddress: 5}
        functions:
          slow:
            handler: {builtin: echo, simulate: {duration: 60s}}
            endpoint: {auth: public}
            rateLimit: {limit: 1000, per: 1m, key: ip}
        """

    private func stream(_ server: ServerProcess, _ url: String, from address: String?, sse: Bool) async throws
        -> RawConnection
    {
        let head =
            "GET \(url)\(sse ? "" : "?wait=20") HTTP/1.1\r\nHost: localhost\r\n"
            + (sse ? "Accept: text/event-stream\r\n" : "") + (address.map { "X-Forwarded-For: \($0)\r\n" } ?? "")
        return try await offPool { [port = server.port] in
            let connection = try RawConnection(port: port)
            try connection.send(head + "\r\n")
            return connection
        }
    }

    private func status(_ connection: RawConnection) async throws -> String {
        try await offPool { String(try connection.readHead().prefix(12)) }
    }

    @Test(arguments: [true, false])
    func `One address holds so many requests, others and this machine are served`(_ sse: Bool) async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        let url = try await server.accept("/api/v1/slow")
        var held: [RawConnection] = []
        for _ in 0..<5 { held.append(try await stream(server, url, from: "203.0.113.1", sse: sse)) }
        if sse { for connection in held { #expect(try await status(connection) == "HTTP/1.1 200") } }
        while try await server.metric("sluice_waiters") < 5 { await Task.yield() }
        let refused = try await stream(server, url, from: "203.0.113.1", sse: sse)
        #expect(try await status(refused) == "HTTP/1.1 429")
        // Another one, and whoever asks from this machine without a proxy.
        for address in ["203.0.113.2", "2001:db8::1", nil] {
            let other = try await stream(server, url, from: address, sse: true)
            #expect(try await status(other) == "HTTP/1.1 200", "\(address ?? "loopback")")
        }
        // A place is given back when its holder leaves.
        held.removeLast()
        var again = try await stream(server, url, from: "203.0.113.1", sse: true)
        while try await status(again) == "HTTP/1.1 429" {
            await Task.yield()
            again = try await stream(server, url, from: "203.0.113.1", sse: true)
        }
        #expect(try await server.get("/livez").status == 200)
        withExtendedLifetime((held, again)) {}
    }

    @Test func `A client that reads nothing does not hold up a shutdown`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        let deaf = try await offPool { [port = server.port] in
            let connection = try RawConnection(port: port)
            let get = "GET /schema/functions.schema.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
            // More than the buffers of both sides take.
            try connection.send(String(repeating: get, count: 2000))
            return connection
        }
        #expect(try await server.get("/livez").status == 200)
        let began = ContinuousClock.now
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        // It had 30 s to read an answer before.
        #expect(ContinuousClock.now - began < .seconds(15))
        withExtendedLifetime(deaf) {}
    }
}
