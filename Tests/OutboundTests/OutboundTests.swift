import CCrypto
import Foundation
import JobModel
import Outbound
import TestClient
import Testing

@Suite(.timeLimit(.minutes(1))) struct OutboundTests {
    private let outbound = Outbound(policy: .anywhere)

    private func post(
        _ server: RawServer, _ body: String = "{}", timeout: Duration = .seconds(10), bodyLimit: Int = 64 << 10
    ) async -> OutboundResult {
        await outbound.send(
            OutboundRequest(
                method: "POST", url: server.url + "/a/../b?c=%20",
                headers: [("Content-Type", "application/json"), ("X-One", "1"), ("X-Empty", "")],
                body: Array(body.utf8), timeout: timeout, bodyLimit: bodyLimit))
    }

    @Test func `A request arrives as it was given, an answer as it was sent`() async throws {
        let server = try RawServer { peer in
            try peer.request()
            try peer.send("HTTP/1.1 201 Created\r\nX-A:  b c \r\nX-A: d\r\nContent-Length: 5\r\n\r\nhello")
            peer.waitForClose()
        }
        let body = "{\"a\": \"\u{0}ü\"}"
        let result = await post(server, body)
        #expect(result.failure == nil)
        let answer = try #require(result.answer)
        #expect(answer.status == 201)
        #expect(answer.headers == [.init("x-a", "b c"), .init("x-a", "d"), .init("content-length", "5")])
        #expect(String(decoding: answer.body, as: UTF8.self) == "hello")
        #expect(!answer.isTruncated)
        let request = try #require(server.requests.first)
        let lines = request.components(separatedBy: "\r\n")
        #expect(lines.first == "POST /a/../b?c=%20 HTTP/1.1")
        #expect(lines.contains("Host: 127.0.0.1:\(server.port)"))
        #expect(lines.contains("Content-Type: application/json"))
        #expect(lines.contains("X-One: 1"))
        #expect(lines.contains("X-Empty:"))
        #expect(lines.contains("Content-Length: \(body.utf8.count)"))
        #expect(!request.lowercased().contains("expect:"))
        #expect(request.hasSuffix("\r\n\r\n" + body))
    }

    @Test func `A scheme in capitals is one, and a blank value is sent`() async throws {
        let server = try RawServer { peer in
            try peer.request()
            try peer.send("HTTP/1.1 204 No Content\r\n\r\n")
        }
        let result = await outbound.send(
            OutboundRequest(
                method: "POST", url: "HTTP://127.0.0.1:\(server.port)/", headers: [("X-Blank", " \t")],
                timeout: .seconds(10)))
        #expect(result.answer?.status == 204)
        #expect(try #require(server.requests.first).contains("\r\nX-Blank:"))
    }

    @Test(arguments: ["GET", "DELETE", "HEAD", "POST", "PUT", "PATCH"])
    func `Every method goes out without a body when there is none`(_ method: String) async throws {
        let server = try RawServer { peer in
            try peer.request()
            try peer.send("HTTP/1.1 204 No Content\r\n\r\n")
        }
        let result = await outbound.send(
            OutboundRequest(method: method, url: server.url, timeout: .seconds(10)))
        #expect(result.answer?.status == 204)
        let request = try #require(server.requests.first)
        #expect(request.hasPrefix("\(method) / HTTP/1.1\r\n"))
        #expect(!request.lowercased().contains("content-type"))
    }

    @Test func `A connection is used again, and the stages of the first are told`() async throws {
        let server = try RawServer { peer in
            while true {
                try peer.request()
                try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            }
        }
        var timings: [OutboundTimings] = []
        for _ in 0..<5 { timings.append(await post(server).timings) }
        #expect(server.connections == 1)
        #expect(server.requests.count == 5)
        #expect(timings[0].connect > 0)
        for each in timings {
            #expect(each.tls == 0)
            #expect(each.firstByte > 0)
            #expect(each.total >= each.firstByte)
        }
    }

    @Test func `A request on a dead connection is not sent twice`() async throws {
        let server = try RawServer { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            // The second request is read, and the connection goes away under it.
            try peer.request()
            peer.reset()
        }
        #expect(await post(server).answer?.status == 200)
        let second = await post(server)
        #expect(second.answer == nil)
        guard case .connectionLost? = second.failure else {
            #expect(second.failure == .notSentTwice)
            #expect(server.requests.count == 2)
            return
        }
        #expect(server.requests.count == 2)
    }

    @Test func `A cancelled request ends at once and tells how far it came`() async throws {
        let server = try RawServer { peer in
            try peer.request()
            peer.waitForClose()
        }
        let outbound = outbound
        let task = Task {
            await outbound.send(OutboundRequest(method: "GET", url: server.url, timeout: .seconds(60)))
        }
        while server.requests.isEmpty { await Task.yield() }
        task.cancel()
        let result = await task.value
        #expect(result.failure == .cancelled)
        #expect(result.timings.total > 0)
        // One that is cancelled before it begins is never sent.
        let early = Task {
            while !Task.isCancelled { await Task.yield() }
            return await outbound.send(OutboundRequest(method: "GET", url: server.url, timeout: .seconds(60)))
        }
        early.cancel()
        #expect(await early.value.failure == .cancelled)
        #expect(server.requests.count == 1)
    }

    /// More than the loop starts at a time.
    @Test func `Hundreds of requests at once are all answered, and those that are cancelled among them end so`()
        async throws
    {
        let server = try RawServer { peer in
            while true {
                try peer.request()
                try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let outbound = outbound
        let tasks = (0..<600).map { number in
            let task = Task {
                await outbound.send(OutboundRequest(method: "GET", url: server.url, timeout: .seconds(60)))
            }
            if number % 3 == 0 { task.cancel() }
            return task
        }
        for (number, task) in tasks.enumerated() {
            let result = await task.value
            let isAnswered = result.answer?.status == 200
            // A cancel may come too late, and stops nothing but its own.
            #expect(isAnswered || (number % 3 == 0 && result.failure == .cancelled))
        }
    }

    @Test func `A hanging target holds up no other`() async throws {
        let hanging = try RawServer { peer in
            try peer.request()
            peer.waitForClose()
        }
        let healthy = try RawServer { peer in
            while true {
                try peer.request()
                try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let outbound = outbound
        let stuck = Task {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        _ = await outbound.send(
                            OutboundRequest(method: "GET", url: hanging.url, timeout: .seconds(60)))
                    }
                }
            }
        }
        while hanging.requests.count < 100 { await Task.yield() }
        for _ in 0..<20 { #expect(await post(healthy).answer?.status == 200) }
        stuck.cancel()
        await stuck.value
    }

    @Test(arguments: [
        ("X-A", "b\r\nX-B: c"), ("X-A", "b\nX-B: c"), ("X-A", "\u{0}"), ("X-A", "\u{7F}"), ("X A", "b"), ("X-A:", "b"),
        ("", "b"), ("X\r\nY", "b"), ("Host", "evil"), ("host", "evil"), ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"), ("Connection", "close"), ("Cookie", "a=b"), ("Upgrade", "h2c"),
        ("TE", "trailers"), ("Expect", "100-continue"), ("Proxy-Authorization", "x"), ("Trailer", "x"),
    ])
    func `A header that must not leave does not`(_ name: String, _ value: String) async throws {
        let server = try RawServer { try $0.request() }
        let result = await outbound.send(
            OutboundRequest(method: "GET", url: server.url, headers: [(name, value)], timeout: .seconds(5)))
        guard case .invalidHeader? = result.failure else {
            Issue.record("\(result)")
            return
        }
        #expect(server.connections == 0)
    }

    @Test(arguments: [
        "", "example.com", "ftp://example.com/", "file:///etc/passwd", "http://", "http:// example.com/",
        "http://example.com/\r\nX: y", "http://exa\u{0}mple.com/", "gopher://example.com", "http://[::1",
        "http://a:99999/",
        "http://\(String(repeating: "a", count: 9000)).com/",
    ])
    func `What is no URL goes nowhere`(_ url: String) async {
        let result = await outbound.send(OutboundRequest(method: "GET", url: url, timeout: .seconds(5)))
        #expect(result.failure == .invalidURL, "\(url.prefix(40))")
    }

    /// libcurl would have libcrypto do that, while the loop's thread may still be sending.
    @Test func `Nothing of libcrypto is freed when a process that sends requests exits`() async {
        await #expect(processExitsWith: .exitCode(0)) {
            let outbound = Outbound(policy: .anywhere)
            let result = await outbound.send(
                OutboundRequest(method: "GET", url: "http://127.0.0.1:1/", timeout: .seconds(5)))
            #expect(result.failure != nil)
            OPENSSL_atexit { _exit(3) }
            exit(0)
        }
    }
}
