import Foundation
import Outbound
import TestClient
import Testing

/// Answers that are coded though nobody asked for it.
@Suite(.timeLimit(.minutes(1))) struct ContentCodingTests {
    private static func bytes(_ base64: String) -> [UInt8] { Array(Data(base64Encoded: base64) ?? Data()) }

    /// `{"ok": true}`, by Python's gzip and zlib and Node's brotli.
    private static let gzip = bytes("H4sIAAAAAAACA6tWys9WslIoKSpNrQUAxhmrFwwAAAA=")
    private static let zlib = bytes("eJyrVsrPVrJSKCkqTa0FABl3BDE=")
    private static let deflate = bytes("q1bKz1ayUigpKk2tBQA=")
    private static let brotli = bytes("iwWAeyJvayI6IHRydWV9Aw==")
    /// A million zeros in a thousand bytes.
    private static let bomb = bytes(
        "H4sIAAAAAAACA+3BgQAAAADDIKX50x3kVQE" + String(repeating: "A", count: 1290) + "K8GU2oxSkBCDwA=")

    private func ask(
        _ fields: [String], _ body: [UInt8], method: String = "POST", headers: [(name: String, value: String)] = [],
        status: String = "200 OK", limit: Int = OutboundLimits.bodyBytes
    ) async throws -> (result: OutboundResult, request: String) {
        let server = try RawServer { peer in
            try peer.request()
            let lines = (["HTTP/1.1 \(status)", "Content-Length: \(body.count)"] + fields).map { "\($0)\r\n" }
            try peer.send(Array((lines.joined() + "\r\n").utf8) + (method == "HEAD" ? [] : body))
            peer.waitForClose()
        }
        let result = await Outbound(policy: .anywhere).send(
            OutboundRequest(
                method: method, url: server.url, headers: headers, timeout: .seconds(10), bodyLimit: limit))
        return (result, try #require(server.requests.first))
    }

    private func text(_ result: OutboundResult) -> String {
        String(decoding: result.answer?.body ?? [], as: UTF8.self)
    }

    @Test func `No coding is asked for, unless the manifest asks for one`() async throws {
        let plain = try await ask([], Array("{}".utf8))
        #expect(plain.request.contains("\r\nAccept-Encoding: identity\r\n"))
        #expect(plain.request.lowercased().components(separatedBy: "accept-encoding").count == 2)
        #expect(plain.result.answer?.headers == [.init("content-length", "2")])
        let own = try await ask(["Content-Encoding: gzip"], Self.gzip, headers: [("accept-encoding", "gzip")])
        #expect(own.request.contains("\r\naccept-encoding: gzip\r\n") && !own.request.contains("identity"))
        #expect(text(own.result) == #"{"ok": true}"#)
    }

    @Test(arguments: [
        ("gzip", gzip), ("GZIP", gzip), ("x-gzip", gzip), ("deflate", zlib), ("deflate", deflate), ("br", brotli),
    ])
    func `What is coded all the same is decoded, and its fields do not lie`(_ coding: String, _ body: [UInt8])
        async throws
    {
        let (result, _) = try await ask(["Content-Encoding: \(coding)", "X-A: 1"], body)
        #expect(result.failure == nil)
        #expect(text(result) == #"{"ok": true}"#)
        #expect(result.answer?.headers == [.init("x-a", "1")])
    }

    @Test func `Where there is no body the fields stay`() async throws {
        let fields = ["Content-Encoding: gzip"]
        let head = try await ask(fields, Self.gzip, method: "HEAD")
        #expect(head.result.answer?["content-encoding"] == "gzip" && head.result.answer?["content-length"] != nil)
        let unchanged = try await ask(fields, [], status: "304 Not Modified")
        #expect(unchanged.result.failure == nil && unchanged.result.answer?["content-encoding"] == "gzip")
        let empty = try await ask(fields, [])
        #expect(empty.result.failure == nil && empty.result.answer?.body == [])
    }

    @Test func `Of a bomb the part that fits is kept`() async throws {
        #expect(Self.bomb.count < 1100)
        for limit in [0, 1, 1000, OutboundLimits.bodyBytes] {
            let (result, _) = try await ask(["Content-Encoding: gzip"], Self.bomb, limit: limit)
            #expect(result.failure == nil && result.answer?.isTruncated == true)
            #expect(result.answer?.body == [UInt8](repeating: 0x30, count: limit))
            #expect(result.answer?["content-length"] == nil)
        }
        let whole = try await ask(["Content-Encoding: gzip"], Self.bomb, limit: 1_000_000)
        #expect(whole.result.answer?.isTruncated == false && whole.result.answer?.body.count == 1_000_000)
    }

    /// Codings that nobody knows, more than one, and bodies that are something else.
    private static let undecodable: [(String, [UInt8])] = [
        ("compress", gzip), ("aes128gcm", gzip), ("gzip", Array("{}".utf8)), ("deflate", gzip), ("br", gzip),
        ("gzip, gzip", bytes("H4sIAAAAAAACA5Pv5mAAASbm1WGnzodtCtLQ1PJdy8pwTHK1OA9QHABTxU7ZIAAAAA==")),
        ("gzip, gzip, gzip, gzip, gzip, gzip", gzip),
        // A wrong checksum; a second member.
        ("gzip", bytes("H4sIAAAAAAACA6tWys9WslIoKSpNrQUAAAAAAAAAAAA=")), ("gzip", [gzip, gzip].flatMap(\.self)),
    ]

    @Test(arguments: undecodable)
    func `What cannot be decoded fails the attempt and says so`(_ coding: String, _ body: [UInt8]) async throws {
        let (result, _) = try await ask(["Content-Encoding: \(coding)"], body)
        #expect(result.failure == .codingNotDecoded)
        #expect(result.answer?.status == 200)
        #expect(
            "\(OutboundFailure.codingNotDecoded)"
                == "the answer's coding cannot be decoded: a body may be coded once, whole, with gzip, deflate or br")
        // Whoever looks at the attempt sees which it was, where it came that far.
        #expect(coding.hasPrefix("gzip, gzip") || result.answer?["content-encoding"] == coding)
    }
}
