import Foundation
import TestClient
import Testing

/// Requests that were right before something happened to their bytes: none may end the server or make a 5xx.
@Suite(.timeLimit(.minutes(10))) struct MutatedRequestTests {
    private static let originals = [
        "POST /api/v1/fast?a=1&b=%20 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nIdempotency-Key: \"k1\"\r\nContent-Length: 13\r\n\r\n{\"to\":\"a@b\"} ",
        "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\nSluice-Delay: 5m\r\n\r\n4\r\n[1,2\r\n3;x=y\r\n,3]\r\n0\r\nTrailer: t\r\n\r\n",
        "POST /api/v1/fast HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nPrefer: respond-async, wait=1\r\nOrigin: http://127.0.0.1\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 2\r\n\r\n{}",
        "GET /api/v1/fast/status/01a21805-572f-7000-83b5-b2af97cf7a91?wait=5 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nPrefer: wait=2\r\n\r\n",
        "DELETE /api/v1/fast/status/01a21805-572f-7000-83b5-b2af97cf7a91?force=true HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer slc_00000000_0123\r\n\r\n",
        "GET http://localhost/v1/tasks?status=failed&limit=20&since=2026-01-01T00:00:00Z HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer abc.def.ghi\r\nX-Forwarded-For: 1.2.3.4, [::1]:80\r\n\r\n",
        "OPTIONS /api/v1/fast HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.com\r\nAccess-Control-Request-Method: POST\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "HEAD /livez HTTP/1.0\r\nConnection: keep-alive\r\nCookie: a=b\r\n\r\nGET /readyz HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    ].map { Array($0.utf8) }

    /// What parsers stumble over.
    private static let pieces = [
        "\r\n", "\n", "\r", "\0", " ", "\t", ":", "%", "%00", "%zz", "?", "#", "/", "//", "..", "\u{FF}", "0", "-1",
        "99999999999999999999", "chunked", "gzip", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
        "Host: evil.example\r\n", "HTTP/2.0", "\u{212A}", "\"", "\\", "{", "[", "é", ",", ";",
    ].map { Array($0.utf8) }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    private struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }

    private static func mutated(_ random: inout Random) -> [UInt8] {
        var bytes = originals.randomElement(using: &random) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            let length = min(bytes.count - place, Int.random(in: 1...24, using: &random))
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: place)
            case 3: bytes.removeSubrange(place..<place + length)
            case 4: bytes.insert(contentsOf: bytes[place..<place + length], at: place)
            case 5: bytes.replaceSubrange(place..<place + length, with: pieces.randomElement(using: &random) ?? [])
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }

    @Test func `No mutated request ends the server or makes a 5xx`() async throws {
        let server = try await ServerProcess(manifest: TestManifest.text)
        let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG_TESTS"] != nil
        let (workers, requests) = (4, isLong ? 25_000 : 500)
        let (failures, statuses) = try await withThrowingTaskGroup(of: ([String], Set<String>).self) { tasks in
            for worker in 0..<workers {
                tasks.addTask { [port = server.port] in
                    try await offPool {
                        var random = Random(state: UInt64(worker) &* 7919 &+ 1)
                        var failures: [String] = []
                        var statuses: Set<String> = []
                        for number in 0..<requests {
                            let bytes = Self.mutated(&random)
                            let connection = try RawConnection(port: port)
                            try? connection.send(bytes)
                            connection.shutDownOutput()
                            // Whoever has said everything gets his answers at once: a read that times out throws.
                            let answers = String(decoding: try connection.readToEnd(seconds: 30), as: UTF8.self)
                            statuses.insert(String(answers.prefix(12)))
                            guard answers.hasPrefix("HTTP/1.1 5") || answers.contains("\r\nHTTP/1.1 5") else {
                                continue
                            }
                            failures.append(
                                "worker \(worker), request \(number): \(String(decoding: bytes, as: UTF8.self).debugDescription) -> \(answers.prefix(300))"
                            )
                        }
                        return (failures, statuses)
                    }
                }
            }
            return try await tasks.reduce(into: ([String](), Set<String>())) { sum, one in
                sum.0 += one.0
                sum.1.formUnion(one.1)
            }
        }
        #expect(failures.isEmpty, "\(failures.prefix(3).joined(separator: "\n"))")
        // They did get somewhere.
        for status in [200, 202, 400, 401, 404, 415, 421] {
            #expect(statuses.contains("HTTP/1.1 \(status)"), "\(status)")
        }
        #expect(try await server.get("/livez").status == 200)
        #expect(try await server.get("/readyz").status == 200)
    }
}
