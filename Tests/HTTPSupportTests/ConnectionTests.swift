import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HTTPSupport

/// A connection on an embedded channel: its clock is the test's.
final class TestConnection {
    let channel = EmbeddedChannel()

    init(_ change: (inout HTTPLimits) -> Void = { _ in }) throws {
        var limits = HTTPLimits()
        change(&limits)
        try HTTPChannel.install(on: channel, limits: limits)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 9)).wait()
    }

    deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }

    func send(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    func request() throws -> ServerRequest? { try channel.readInbound(as: ServerRequest.self) }

    func reply(_ response: ServerResponse) throws {
        try channel.writeOutbound(OutboundMessage.response(response))
    }

    /// Everything that was sent since the last look.
    func sent() throws -> String {
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    func advance(_ seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }
}

@Suite struct ConnectionTests {
    private let get = "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func `A request comes whole, an answer goes out with length and date`() throws {
        let connection = try TestConnection()
        try connection.send("POST /x?y=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
        #expect(try connection.request() == nil)
        try connection.send("cd")
        let request = try #require(try connection.request())
        #expect(request.method == "POST")
        #expect(request.rawPath == "/x")
        #expect(request.rawQuery == "y=1")
        #expect(String(buffer: request.body) == "abcd")
        try connection.reply(.text(200, "hello"))
        let sent = try connection.sent()
        #expect(sent.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nDate: "))
        #expect(sent.hasSuffix(" GMT\r\nContent-Length: 5\r\n\r\nhello"))
        #expect(connection.channel.isActive)
    }

    @Test func `A silent connection is closed after the head's time, an idle one after the idle time`() throws {
        let silent = try TestConnection()
        silent.advance(9)
        #expect(silent.channel.isActive)
        silent.advance(1)
        #expect(!silent.channel.isActive)

        let idle = try TestConnection()
        try idle.send(get)
        _ = try idle.request()
        idle.advance(1000)
        #expect(idle.channel.isActive)
        try idle.reply(.text(200, ""))
        idle.advance(74)
        #expect(idle.channel.isActive)
        idle.advance(11)
        #expect(!idle.channel.isActive)
    }

    @Test func `A head that trickles is refused after ten seconds, on a used connection too`() throws {
        let connection = try TestConnection()
        try connection.send(get)
        _ = try connection.request()
        try connection.reply(.text(200, ""))
        connection.advance(60)
        for character in "GET / H" {
            try connection.send(String(character))
            connection.advance(1)
        }
        #expect(try connection.request() == nil)
        connection.advance(13)
        #expect(try connection.request()?.rejection?.status == 408)
    }

    @Test(arguments: ["chun\u{212A}ed", "gzip", "chunked\u{301}"])
    func `A coding that is chunked to Unicode only is not understood`(_ coding: String) throws {
        let connection = try TestConnection()
        try connection.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \(coding)\r\n\r\n0\r\n\r\n")
        #expect(try connection.request()?.rejection?.status == 400)
        #expect(try connection.request() == nil)
    }

    @Test func `A body at one byte a second is refused after its time, however steadily it comes`() throws {
        let connection = try TestConnection()
        try connection.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
        var rejection: ServerRequest.Rejection?
        var seconds = 0
        while rejection == nil, seconds < 60 {
            try connection.send("a")
            connection.advance(1)
            seconds += 1
            rejection = try connection.request()?.rejection
        }
        #expect(rejection?.status == 408)
        #expect((30...41).contains(seconds))
    }

    @Test func `A body over the limit is delivered as too large before it has come`() throws {
        let connection = try TestConnection { $0.body.bytes = 10 }
        try connection.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n")
        #expect(try connection.request()?.bodyTooLarge == true)
        let chunked = try TestConnection { $0.body.bytes = 10 }
        try chunked.send(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nghijk\r\n")
        let request = try #require(try chunked.request())
        #expect(request.bodyTooLarge)
        #expect(request.body.readableBytes == 0)
        try chunked.reply(.text(413, "no"))
        #expect(try chunked.sent().contains("Connection: close"))
        // It lingers, so that the client sees the answer, and not for ever.
        try chunked.send("5\r\nmore!\r\n")
        #expect(try chunked.request() == nil)
        chunked.advance(2)
        #expect(!chunked.channel.isActive)
    }

    @Test func `Requests behind one that closes are not looked at`() throws {
        let connection = try TestConnection()
        try connection.send("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + get)
        #expect(try connection.request()?.rawPath == "/1")
        #expect(try connection.request() == nil)
        try connection.reply(.text(200, ""))
        #expect(
            !connection.channel.isActive
                || {
                    connection.advance(2); return !connection.channel.isActive
                }())
    }

    @Test func `Header values with line breaks are left out`() throws {
        let connection = try TestConnection()
        try connection.send(get)
        _ = try connection.request()
        try connection.reply(ServerResponse(status: 200, headers: ["X-Bad": "a\r\nSet-Cookie: b", "X-Good": "c"]))
        let sent = try connection.sent()
        #expect(!sent.contains("Set-Cookie"))
        #expect(sent.contains("X-Good: c"))
    }

    @Test func `Whoever watches the connection hears that the client is gone, once`() throws {
        let connection = try TestConnection()
        try connection.send(get)
        let request = try #require(try connection.request())
        let count = Counter()
        let stop = request.connection.onDisconnect { count.add() }
        _ = request.connection.onDisconnect { count.add() }
        stop()
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(count.value == 1)
        _ = request.connection.onDisconnect { count.add() }
        #expect(count.value == 2)
    }

    @Test func `Shutdown closes idle connections at once and busy ones after their answer`() throws {
        let idle = try TestConnection()
        idle.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(!idle.channel.isActive)
        let busy = try TestConnection()
        try busy.send(get)
        _ = try busy.request()
        busy.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(busy.channel.isActive)
        try busy.reply(.text(200, ""))
        #expect(try busy.sent().contains("Connection: close"))
        #expect(!busy.channel.isActive)
    }

    @Test func `Requests delivered before a shutdown are all answered, later ones are not looked at`() throws {
        let connection = try TestConnection()
        try connection.send(get + get)
        _ = try connection.request()
        _ = try connection.request()
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        try connection.send(get)
        #expect(try connection.request() == nil)
        try connection.reply(.text(200, "first"))
        #expect(try !connection.sent().contains("Connection: close"))
        try connection.reply(.text(200, "second"))
        #expect(try connection.sent().contains("Connection: close"))
    }

    @Test func `A body behind an answered request keeps its own deadline`() throws {
        let connection = try TestConnection()
        try connection.send(get + "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
        _ = try connection.request()
        try connection.reply(.text(200, ""))
        connection.advance(20)
        try connection.send("c")
        connection.advance(5)
        try connection.send("d")
        #expect(try connection.request().map { String(buffer: $0.body) } == "abcd")
        #expect(connection.channel.isActive)
    }

    @Test func `Nothing is collected behind a request for another protocol`() throws {
        let connection = try TestConnection()
        try connection.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        #expect(try connection.request() != nil)
        for _ in 0..<100 { try connection.send(String(repeating: "z", count: 10_000)) }
        #expect(try connection.request() == nil)
        try connection.reply(.text(200, ""))
        #expect(try connection.sent().contains("Connection: close"))
    }

    final class Counter: @unchecked Sendable {  // One thread: the embedded loop's.
        var value = 0
        func add() { value += 1 }
    }
}
