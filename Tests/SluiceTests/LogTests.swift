import Foundation
import PayloadSchema
import TestClient
import Testing

/// A log that nobody reads.
@Suite(.timeLimit(.minutes(2))) struct LogTests {
    private static let manifest = """
        version: 1
        server: {shutdownGrace: 1s}
        functions:
          f:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
        """

    /// A line of the log for each, as long as its path: more than the pipe and the buffers hold.
    private func fill(_ server: ServerProcess) async throws {
        let path = "/" + String(repeating: "x", count: 8000)
        let port = server.port
        try await offPool {
            let connection = try RawConnection(port: port)
            for _ in 0..<400 {
                try connection.send(Array("GET \(path) HTTP/1.1\r\nHost: localhost:\(port)\r\n\r\n".utf8))
                #expect(try connection.response(seconds: 20).status == 404)
            }
        }
    }

    private func lost(_ server: ServerProcess) async throws -> Int {
        let metrics = try await server.get("/metrics").text
        let line = try #require(metrics.split(separator: "\n").first { $0.hasPrefix("sluice_log_lines_lost_total ") })
        return try #require(line.split(separator: " ").last.flatMap { Int($0) })
    }

    @Test(arguments: ["serve", "dev"]) func `A log that nobody reads holds nothing up, and says later what was lost`(
        _ command: String
    ) async throws {
        let server = try await ServerProcess(
            manifest: Self.manifest, environment: ["LOG_LEVEL": "debug"], command: command)
        #expect(try await lost(server) == 0)
        server.readsLog = false
        try await fill(server)
        #expect(try await server.get("/livez").status == 200)
        for _ in 0..<20 {
            #expect(try await server.end(of: try await server.accept("/api/v1/f")).status == 200)
        }
        let count = try await lost(server)
        #expect(count > 20)
        server.readsLog = true
        try await server.waitForLog("Log lines were lost")
        // Others flow again behind it.
        _ = try await server.get("/after")
        try await server.waitForLog("/after")
        let text = try #require(server.log.split(separator: "\n").first { $0.contains("Log lines were lost") })
        let told = try #require((text.firstMatch(of: /lines"?[:=]"?(\d+)/)?.1).flatMap { Int($0) })
        #expect(told >= count)
        #expect(try await lost(server) == told)
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
    }

    @Test func `SIGTERM ends a server whose log nobody reads`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest, environment: ["LOG_LEVEL": "debug"])
        server.readsLog = false
        try await fill(server)
        let start = ContinuousClock.now
        server.signal(SIGTERM)
        #expect(try await server.waitForExit(seconds: 20) == 0)
        // The grace time of nothing that runs, and the second that a log has.
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test func `The last lines are written before the process ends`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest)
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
        try await server.waitForLog("Stopped", seconds: 5)
    }
}
