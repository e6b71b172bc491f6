import Foundation
import JobModel
import Outbound
import TestClient
import Testing

/// Targets that do everything wrong. Whatever they do, a request ends by its deadline with a true reason.
@Suite(.timeLimit(.minutes(2))) struct MisbehaviourTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        /// What may come of it.
        var isRight: @Sendable (OutboundResult) -> Bool
        /// Nothing but the deadline ends it.
        var neverEnds: Bool
        /// nil for a listener that accepts nothing.
        var behave: (@Sendable (RawPeer) throws -> Void)?

        var testDescription: String { name }

        init(
            _ name: String, neverEnds: Bool = false, _ isRight: @escaping @Sendable (OutboundResult) -> Bool,
            _ behave: (@Sendable (RawPeer) throws -> Void)?
        ) {
            self.name = name
            self.isRight = isRight
            self.neverEnds = neverEnds
            self.behave = behave
        }
    }

    /// For targets that never come to an end; all others have time to show what they do.
    private static let short = Duration.milliseconds(700)
    private static let timesOut: @Sendable (OutboundResult) -> Bool = { $0.failure == .timedOut(after: short) }
    private static let isLost: @Sendable (OutboundResult) -> Bool = {
        if case .connectionLost? = $0.failure { true } else { false }
    }
    private static let isNoHTTP: @Sendable (OutboundResult) -> Bool = { $0.failure == .notHTTP }
    private static let isEndless: @Sendable (OutboundResult) -> Bool = { $0.failure == .endless }
    private static let isTooLarge: @Sendable (OutboundResult) -> Bool = { $0.failure == .headTooLarge }

    private static func answers(_ status: Int, truncated: Bool = false) -> @Sendable (OutboundResult) -> Bool {
        { $0.failure == nil && $0.answer?.status == status && $0.answer?.isTruncated == truncated }
    }

    private static func either(
        _ cases: (@Sendable (OutboundResult) -> Bool)...
    ) -> @Sendable (OutboundResult) -> Bool {
        { result in cases.contains { $0(result) } }
    }

    /// Reads the request and sends this.
    private static func says(_ text: String, thenWaits: Bool = false) -> @Sendable (RawPeer) throws -> Void {
        { peer in
            try peer.request()
            try peer.send(text)
            if thenWaits { peer.waitForClose() }
        }
    }

    static let cases: [Case] = [
        Case("never accepts", neverEnds: true, timesOut, nil),
        Case("reads nothing and says nothing", neverEnds: true, timesOut) { $0.waitForClose() },
        Case("reads the request and never answers", neverEnds: true, timesOut) { peer in
            try peer.request()
            peer.waitForClose()
        },
        Case("sends a byte every 50 ms", neverEnds: true, timesOut) { peer in
            try peer.request()
            for byte in "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".utf8 {
                try peer.send([byte])
                Thread.sleep(forTimeInterval: 0.05)
            }
        },
        Case("sends a body that drips", neverEnds: true, timesOut) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            try peer.sendForever("x", pause: 0.05)
        },
        Case("sends an endless body", answers(200, truncated: true)) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\n\r\n")
            try peer.sendForever(String(repeating: "x", count: 65_536))
        },
        Case("sends endless chunks", answers(200, truncated: true)) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try peer.sendForever("400\r\n\(String(repeating: "x", count: 1024))\r\n")
        },
        Case("announces a body of a terabyte", answers(500, truncated: true)) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 500 No\r\nContent-Length: 1099511627776\r\n\r\n")
            try peer.sendForever(String(repeating: "x", count: 65_536))
        },
        Case("sends endless header fields", isTooLarge) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\n")
            try peer.sendForever("X-More: \(String(repeating: "y", count: 1000))\r\n")
        },
        Case("sends one endless header line", isTooLarge) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nX-Long: ")
            try peer.sendForever(String(repeating: "y", count: 1000))
        },
        Case("sends a huge head and then is fine", answers(200)) { peer in
            try peer.request()
            try peer.send(
                "HTTP/1.1 200 OK\r\nX-Big: \(String(repeating: "y", count: 60_000))\r\nContent-Length: 0\r\n\r\n")
        },
        Case("sends 100,000 interim answers", isTooLarge) { peer in
            try peer.request()
            for _ in 0..<100 { try peer.send(String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 1000)) }
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        },
        Case("sends a few interim answers", answers(200)) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        },
        Case("sends an interim answer and closes", { isLost($0) && $0.answer == nil }) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n")
        },
        Case("resets before the request is read", either(isLost, { $0.failure == .notConnected(reason: "ECONNRESET") }))
        { $0.reset() },
        Case("resets after the request", isLost) { peer in
            try peer.request()
            peer.reset()
        },
        Case("resets within the status line", either(isLost, isNoHTTP)) { peer in
            try peer.request()
            try peer.send("HTTP/1.")
            Thread.sleep(forTimeInterval: 0.05)
            peer.reset()
        },
        Case("resets within the head", isLost) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Le")
            Thread.sleep(forTimeInterval: 0.05)
            peer.reset()
        },
        Case("resets within the body", isLost) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            Thread.sleep(forTimeInterval: 0.05)
            peer.reset()
        },
        Case("closes at once", isLost) { _ in },
        Case("closes without an answer", isLost) { try $0.request() },
        Case("closes within the body", isLost, says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")),
        Case("closes within a chunk", isLost, says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf")),
        Case("speaks garbage", isNoHTTP, says("\u{1}\u{2}\u{3}\u{4}garbage\r\n\r\n", thenWaits: true)),
        Case("speaks SMTP", isNoHTTP, says("220 mail.example.com ESMTP\r\n", thenWaits: true)),
        Case("speaks HTTP/0.9", isNoHTTP, says("<html>hello</html>")),
        Case("sends a status without a number", isNoHTTP, says("HTTP/1.1 OK\r\n\r\n")),
        Case(
            "sends a status of four digits", either(isNoHTTP, { $0.failure != nil }),
            says("HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n")),
        Case(
            "sends a wrong chunk size", either(isNoHTTP, isLost),
            says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n")),
        Case(
            "sends a chunk size that overflows", neverEnds: true, either(isNoHTTP, isLost, timesOut),
            says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello", thenWaits: true)),
        Case(
            "sends both lengths", answers(200),
            says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")),
        Case(
            "sends two lengths that differ", { $0.failure == .lengthsDiffer },
            says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nhello")),
        Case(
            "sends a negative length", isNoHTTP, says("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello")),
        Case(
            "redirects to itself", answers(302), says("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")),
        Case(
            "redirects to a file", answers(301),
            says("HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")),
        Case(
            "asks for credentials", answers(401),
            says("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n")),
        Case(
            "switches protocols that nobody asked for", { $0.failure == .protocolSwitched && $0.answer == nil },
            says("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", thenWaits: true)),
        Case(
            "says gzip and sends something else", { $0.failure == .codingNotDecoded },
            says("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\u{1F}xxxxxxxxx")),
        Case("sends an endless chunk extension", isEndless) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;")
            try peer.sendForever(String(repeating: "x", count: 65_536))
        },
        Case("sends many chunk extensions", isEndless) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try peer.sendForever("1;\(String(repeating: "x", count: 10_000))\r\na\r\n")
        },
        Case("sends endless trailers", isTooLarge) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
            try peer.sendForever("X-More: \(String(repeating: "y", count: 1000))\r\n")
        },
        // Longer than libcurl takes a trailer to be; it says no more than that it stopped reading.
        Case("sends one endless trailer", either(isLost, isTooLarge, isEndless)) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Long: ")
            try peer.sendForever(String(repeating: "y", count: 1000))
        },
        Case("sends its body in chunks of one byte", answers(200)) { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<64 { try peer.send(String(repeating: "1\r\na\r\n", count: 1024)) }
            try peer.send("0\r\n\r\n")
        },
        Case(
            "sends more than it announced", answers(200),
            says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 500 Smuggled\r\n\r\n")),
        Case(
            "sends NUL and line breaks in fields", { _ in true },
            says("HTTP/1.1 200 OK\r\nX-A: a\u{0}b\r\n folded\r\nContent-Length: 0\r\n\r\n")),
        Case("answers before it has read the request", either(answers(200), isLost, { $0.failure == .notSentTwice })) {
            peer in
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            Thread.sleep(forTimeInterval: 0.1)
        },
        Case(
            "sets cookies for everybody", answers(200),
            says("HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Domain=com\r\nContent-Length: 0\r\n\r\n")),
    ]

    @Test func `There are many ways to misbehave`() { #expect(Self.cases.count >= 30) }

    @Test(arguments: cases)
    func `A request ends by its deadline with a true reason`(_ misbehaviour: Case) async throws {
        let server = try RawServer(accepts: misbehaviour.behave != nil, misbehaviour.behave ?? { _ in })
        let outbound = Outbound(policy: .anywhere)
        for round in 1...2 {
            let before = server.requests.count
            let timeout = misbehaviour.neverEnds ? Self.short : .seconds(20)
            let result = await outbound.send(
                OutboundRequest(
                    method: "POST", url: server.url, headers: [("Content-Type", "application/json")],
                    body: Array("{}".utf8), timeout: timeout))
            // The target closes without a word: the second request may have met a connection that was just going away.
            let isRight = misbehaviour.isRight(result) || (round == 2 && result.failure == .notSentTwice)
            #expect(isRight, "\(result.failure.map { "\($0)" } ?? "") \(result)")
            // On a machine that does nothing else it is a few milliseconds.
            #expect(result.timings.total <= Double(timeout.milliseconds) + 1000)
            // Never two requests for one call.
            #expect(server.requests.count <= before + 1)
        }
        // The next call to a healthy target works on the same loop.
        let healthy = try RawServer(Self.says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
        let result = await outbound.send(
            OutboundRequest(method: "GET", url: healthy.url, timeout: .seconds(20)))
        #expect(result.answer?.status == 200)
    }

    @Test func `Nobody at home is told as what it is`() async throws {
        let outbound = Outbound(policy: .anywhere)
        func failure(_ url: String) async -> OutboundFailure? {
            await outbound.send(OutboundRequest(method: "GET", url: url, timeout: .seconds(5))).failure
        }
        #expect(await failure("http://127.0.0.1:1/") == .notConnected(reason: "ECONNREFUSED"))
        #expect(await failure("http://\(String(repeating: "a", count: 64)).invalid/") == .nameNotFound)
        let plain = try RawServer { peer in
            try peer.send("HTTP/1.1 400 This is no TLS\r\n\r\n")
            peer.waitForClose()
        }
        #expect(await failure("https://127.0.0.1:\(plain.port)/") == .tlsFailed)
        #expect("\(OutboundFailure.notConnected(reason: "ECONNREFUSED"))" == "connect ECONNREFUSED")
        #expect("\(OutboundFailure.timedOut(after: .seconds(10)))" == "timed out after 10s")
        #expect("\(OutboundFailure.certificateNotTrusted)" == "TLS certificate not trusted")
    }
}
