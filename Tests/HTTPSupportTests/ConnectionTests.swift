import JobModel
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import HTTPSupport

/// Lets everything in, and remembers it until the test answers.
final class TestDoor: Door, @unchecked Sendable {  // One thread: the embedded loop's.
    struct Arrival {
        var request: ServerRequest
        var exchange: HTTPExchange
    }

    var limit = 1 << 20
    var client = Client(address: nil, text: "", isStranger: false)
    /// Requests that are refused at their heads, by their paths.
    var refused: [String: Int] = [:]
    fileprivate var arrivals: [Arrival] = []

    func open(_ request: ServerRequest) -> Opening {
        if let status = refused[request.rawPath] { return refuse(request, Problem(status, "no")) }
        return opening(
            .letIn(
                .loop { [self] exchange, body in
                    var request = request
                    request.body = body
                    arrivals.append(Arrival(request: request, exchange: exchange))
                }, bodyLimit: limit))
    }

    func refuse(_ request: ServerRequest, _ problem: Problem) -> Opening {
        opening(.refused(problem.response(requestID: RequestID())))
    }

    private func opening(_ decision: Opening.Decision) -> Opening {
        Opening(
            decision: decision,
            context: RouteContext(
                requestID: RequestID(), parameters: [], client: client, principal: nil, baseURL: nil),
            style: AnswerStyle(errors: .problem, fields: []))
    }

    func problem(for error: any Error, _ requestID: RequestID) -> Problem { error as? Problem ?? Problem(503, "?") }
    func answered(_ style: AnswerStyle, _ requestID: RequestID, status: Int) {}
}

/// A connection on an embedded channel: its clock is the test's.
final class TestConnection {
    let channel = EmbeddedChannel()
    let door = TestDoor()
    let budget: BodyBudget
    let connections = Connections(bounds: .init(total: 1000, perAddress: 10))
    private var current: HTTPExchange?

    init(budget: BodyBudget = BodyBudget(), _ change: (inout HTTPLimits) -> Void = { _ in }) throws {
        self.budget = budget
        var limits = HTTPLimits()
        change(&limits)
        try ConnectionSetup(door: door, limits: limits, budget: budget, connections: connections).install(
            on: channel, from: nil, box: LoopBox(loop: channel.eventLoop))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 9)).wait()
    }

    deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }

    func send(_ text: String) throws {
        try channel.writeInbound(ByteBuffer(string: text))
        channel.embeddedEventLoop.run()
    }

    /// The next request that is whole and wants an answer.
    func request() -> ServerRequest? {
        guard !door.arrivals.isEmpty else { return nil }
        let arrival = door.arrivals.removeFirst()
        current = arrival.exchange
        return arrival.request
    }

    func reply(_ response: ServerResponse) {
        current?.reply(response)
        channel.embeddedEventLoop.run()
    }

    var exchange: HTTPExchange? { current }

    /// Everything that was sent since the last look.
    func sent() throws -> String {
        channel.embeddedEventLoop.run()
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    func advance(_ seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }

    func quiesce() { channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
}

@Suite struct ConnectionTests {
    private let get = "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func `A request comes whole, an answer goes out with length and date`() throws {
        let connection = try TestConnection()
        try connection.send("POST /x?y=1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
        #expect(connection.request() == nil)
        try connection.send("cd")
        let request = try #require(connection.request())
        #expect(request.method == "POST")
        #expect(request.rawPath == "/x")
        #expect(request.rawQuery == "y=1")
        #expect(String(decoding: request.body, as: UTF8.self) == "abcd")
        connection.reply(.text(200, "hello"))
        let sent = try connection.sent()
        let start = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
        #expect(sent.hasPrefix(start + "X-Content-Type-Options: nosniff\r\nDate: "))
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
        _ = idle.request()
        idle.advance(1000)
        #expect(idle.channel.isActive)
        idle.reply(.text(200, ""))
        idle.advance(74)
        #expect(idle.channel.isActive)
        idle.advance(11)
        #expect(!idle.channel.isActive)
    }

    @Test func `A head that trickles is refused after ten seconds, on a used connection too`() throws {
        let connection = try TestConnection()
        try connection.send(get)
        _ = connection.request()
        connection.reply(.text(200, ""))
        connection.advance(60)
        for character in "GET / H" {
            try connection.send(String(character))
            connection.advance(1)
        }
        #expect(connection.request() == nil)
        connection.advance(13)
        #expect(try connection.sent().contains("HTTP/1.1 408 "))
    }

    @Test(arguments: ["chun\u{212A}ed", "gzip", "chunked\u{301}"])
    func `A coding that is chunked to Unicode only is not understood`(_ coding: String) throws {
        let connection = try TestConnection()
        try connection.send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \(coding)\r\n\r\n0\r\n\r\n")
        #expect(try connection.sent().hasPrefix("HTTP/1.1 400 "))
        #expect(connection.request() == nil)
    }

    @Test func `A body at one byte a second is refused after its time, however steadily it comes`() throws {
        let connection = try TestConnection()
        try connection.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
        var sent = ""
        var seconds = 0
        while sent.isEmpty, seconds < 60 {
            try connection.send("a")
            connection.advance(1)
            seconds += 1
            sent = try connection.sent()
        }
        #expect(sent.hasPrefix("HTTP/1.1 408 "))
        #expect((30...41).contains(seconds))
    }

    @Test func `A body over the limit is refused before it has come`() throws {
        let chunked = try TestConnection()
        chunked.door.limit = 10
        try chunked.send(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\nghijk\r\n")
        #expect(chunked.request() == nil)
        let sent = try chunked.sent()
        #expect(sent.hasPrefix("HTTP/1.1 413 "))
        #expect(sent.contains("Connection: close"))
        // It lingers, so that the client sees the answer, and not for ever.
        try chunked.send("5\r\nmore!\r\n")
        #expect(chunked.request() == nil)
        chunked.advance(2)
        #expect(!chunked.channel.isActive)
    }

    @Test func `What is refused at its head is answered before its body, and the next request is heard`() throws {
        let connection = try TestConnection()
        connection.door.refused["/no"] = 401
        try connection.send("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n")
        #expect(try connection.sent().hasPrefix("HTTP/1.1 401 "))
        try connection.send("abcd" + get)
        #expect(connection.request()?.rawPath == "/a")
        #expect(connection.channel.isActive)

        let large = try TestConnection()
        large.door.refused["/no"] = 401
        try large.send("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\n\r\n")
        #expect(try large.sent().contains("Connection: close"))

        let patient = try TestConnection()
        patient.door.refused["/no"] = 401
        try patient.send("POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        let sent = try patient.sent()
        #expect(sent.hasPrefix("HTTP/1.1 401 "))
        #expect(sent.contains("Connection: close"))
    }

    @Test func `Whoever waits for leave to send a body gets it`() throws {
        let connection = try TestConnection()
        try connection.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
        #expect(try connection.sent() == "HTTP/1.1 100 Continue\r\n\r\n")
        try connection.send("ab")
        #expect(connection.request()?.body == Array("ab".utf8))
    }

    @Test func `Pipelined requests are answered one after the other`() throws {
        let connection = try TestConnection()
        connection.door.refused["/no"] = 404
        let refused = "GET /no HTTP/1.1\r\nHost: h\r\n\r\n"
        try connection.send(get + refused + get)
        #expect(connection.request() != nil)
        #expect(connection.request() == nil)
        #expect(try connection.sent().isEmpty)
        connection.reply(.text(200, "first"))
        let sent = try connection.sent()
        #expect(sent.hasPrefix("HTTP/1.1 200 "))
        #expect(sent.contains("HTTP/1.1 404 "))
        #expect(connection.request() != nil)
    }

    @Test func `Bytes that are not HTTP are answered behind what came before`() throws {
        let connection = try TestConnection()
        try connection.send(get + "nonsense\r\n\r\n")
        #expect(connection.request() != nil)
        #expect(try connection.sent().isEmpty)
        connection.reply(.text(200, "first"))
        let sent = try connection.sent()
        #expect(sent.contains("first"))
        #expect(sent.contains("HTTP/1.1 400 "))
        #expect(connection.request() == nil)
    }

    @Test func `Large bodies share a budget, small ones always pass`() throws {
        let budget = BodyBudget(limit: 1 << 20)
        func post(_ connection: TestConnection, _ bytes: Int) throws {
            try connection.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(bytes + 1)\r\n\r\n")
            try connection.send(String(repeating: "a", count: bytes))
        }
        let stranger = Client(address: IPAddress("203.0.113.1"), text: "203.0.113.1", isStranger: true)
        let first = try TestConnection(budget: budget)
        first.door.client = stranger
        try post(first, 100_000)
        #expect(budget.bytes == 100_000)
        // An eighth is one address's.
        let second = try TestConnection(budget: budget)
        second.door.client = stranger
        try post(second, 100_000)
        let sent = try second.sent()
        #expect(sent.hasPrefix("HTTP/1.1 503 "))
        #expect(sent.contains("Retry-After: 1"))
        let small = try TestConnection(budget: budget)
        small.door.client = stranger
        try post(small, 60_000)
        try small.send("b")
        #expect(small.request()?.body.count == 60_001)
        // Whoever gets an answer, or leaves, gives back.
        try first.send("b")
        #expect(first.request() != nil)
        first.reply(.text(200, ""))
        #expect(budget.bytes == 0)
        let gone = try TestConnection(budget: budget)
        try post(gone, 200_000)
        #expect(budget.bytes == 200_000)
        _ = try gone.channel.finish(acceptAlreadyClosed: true)
        #expect(budget.bytes == 0)
    }

    @Test func `White space around a field's value is not part of it`() throws {
        let connection = try TestConnection()
        try connection.send("GET / HTTP/1.1\r\nHost: h \t\r\nIdempotency-Key:\t k1\t \r\nX-Empty:  \r\n\r\n")
        let request = try #require(connection.request())
        #expect(request.host == "h")
        #expect(request.headers["idempotency-key"] == ["k1"])
        #expect(request.headers["x-empty"] == [""])
    }

    @Test(arguments: ["a b", "h/x", "u@h", "h?", "h\"", "h%20", "\u{FC}"])
    func `A Host that is none is refused`(_ host: String) throws {
        let connection = try TestConnection()
        try connection.send("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        #expect(try connection.sent().hasPrefix("HTTP/1.1 400 "))
    }

    @Test func `A stream goes out in chunks and ends`() throws {
        let connection = try TestConnection()
        try connection.send(get)
        _ = connection.request()
        let exchange = try #require(connection.exchange)
        exchange.begin(ServerResponse(status: 200))
        var taken = 0
        exchange.write(Array("hello".utf8)) { _ in taken += 1 }
        exchange.write([]) { _ in taken += 1 }
        exchange.end()
        let sent = try connection.sent()
        #expect(sent.contains("Transfer-Encoding: chunked\r\n"))
        #expect(sent.hasSuffix("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
        #expect(taken == 2)
        try connection.send(get)
        #expect(connection.request() != nil)
    }

    @Test(arguments: ["9223372036854775808", "18446744073709551615"])
    func `A length that no number holds is refused at the head`(_ length: String) throws {
        let connection = try TestConnection()
        try connection.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(length)\r\n\r\n")
        #expect(try connection.sent().hasPrefix("HTTP/1.1 413 "))
    }

    @Test func `A request that nobody waits for any more holds no place`() throws {
        let connection = try TestConnection()
        let stranger = Client(address: IPAddress("203.0.113.1"), text: "", isStranger: true)
        connection.door.client = stranger
        try connection.send(get)
        _ = connection.request()
        let exchange = try #require(connection.exchange)
        _ = try connection.channel.finish(acceptAlreadyClosed: true)
        #expect(!exchange.hold())
        for _ in 0..<10 { #expect(connection.connections.hold(stranger)) }
    }

    @Test func `What is pipelined beyond measure is not kept, and the connection ends after what was`() throws {
        let connection = try TestConnection()
        try connection.send(String(repeating: "GET /x HTTP/1.1\r\nHost:h\r\n\r\n", count: 2000))
        var answered = 0
        while connection.request() != nil {
            connection.reply(.text(200, ""))
            answered += 1
        }
        // A head and an end each, and the first was under way.
        #expect(answered == HTTPLimits.waitingParts / 2 + 1)
        #expect(try connection.sent().contains("Connection: close"))
    }

    @Test func `The last of pipelined requests ends the connection though it is refused at its head`() throws {
        for isShutdown in [true, false] {
            let connection = try TestConnection()
            connection.door.refused["/no"] = 404
            try connection.send(get + "GET /no HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = connection.request()
            if isShutdown {
                connection.quiesce()
            } else {
                connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
            }
            connection.reply(.text(200, ""))
            #expect(try connection.sent().contains("HTTP/1.1 404 "))
            #expect(!connection.channel.isActive)
        }
    }

    @Test func `A body that will never be whole ends the connection at a shutdown`() throws {
        let connection = try TestConnection()
        try connection.send(get + "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab")
        _ = connection.request()
        connection.quiesce()
        connection.reply(.text(200, ""))
        #expect(try connection.sent().contains("HTTP/1.1 200 "))
        #expect(connection.request() == nil)
        #expect(!connection.channel.isActive)
    }

    @Test func `A chunked body that nobody wants is answered once, however long or broken it is`() throws {
        let connection = try TestConnection()
        connection.door.refused["/no"] = 401
        try connection.send("POST /no HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(try connection.sent().hasPrefix("HTTP/1.1 401 "))
        let chunk = "8000\r\n" + String(repeating: "a", count: 0x8000) + "\r\n"
        for _ in 0..<3 { try connection.send(chunk) }
        #expect(try connection.sent().isEmpty)
        connection.advance(2)
        #expect(!connection.channel.isActive)

        let broken = try TestConnection()
        broken.door.refused["/no"] = 401
        try broken.send("POST /no HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(try broken.sent().hasPrefix("HTTP/1.1 401 "))
        try broken.send("nonsense\r\n")
        #expect(try broken.sent().isEmpty)
    }

    @Test func `Addresses of one IPv6 network share one part of the budget`() throws {
        let budget = BodyBudget(limit: 1 << 20)
        var open: [TestConnection] = []
        for number in 1...4 {
            let connection = try TestConnection(budget: budget)
            let address = IPAddress("2001:db8::\(number)")
            connection.door.client = Client(address: address, text: address?.description ?? "", isStranger: true)
            try connection.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 90000\r\n\r\n")
            try connection.send(String(repeating: "a", count: 89_999))
            open.append(connection)
        }
        #expect(try open.map { try $0.sent().isEmpty } == [true, false, false, false])
    }

    @Test func `A client that does not read is asked nothing more until it does`() throws {
        let connection = try TestConnection()
        connection.channel.isWritable = false
        connection.channel.pipeline.fireChannelWritabilityChanged()
        try connection.send(get)
        #expect(connection.request() == nil)
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        #expect(connection.request() != nil)
    }

    @Test func `A client holds so many requests and no more`() throws {
        let stranger = Client(address: IPAddress("2001:db8::1"), text: "", isStranger: true)
        let neighbour = Client(address: IPAddress("2001:db8::2"), text: "", isStranger: true)
        let local = Client(address: IPAddress("127.0.0.1"), text: "", isStranger: false)
        let connections = Connections(bounds: .init(total: 1000, perAddress: 2))
        #expect(connections.hold(stranger))
        #expect(connections.hold(neighbour))
        #expect(!connections.hold(stranger))
        for _ in 0..<5 { #expect(connections.hold(local)) }
        connections.letGo(neighbour)
        #expect(connections.hold(stranger))
    }

    @Test func `Places are kept for this machine, and one peer has its share`() throws {
        let connections = Connections(bounds: .init(total: HTTPLimits.keptForLoopback + 3, perAddress: 2))
        let peer = IPAddress("203.0.113.1")
        var open: [EmbeddedChannel] = []
        func admit(_ text: String) -> Bool {
            let channel = EmbeddedChannel()
            open.append(channel)
            return connections.admit(channel, from: IPAddress(text))
        }
        #expect(admit("203.0.113.1") && admit("203.0.113.1"))
        #expect(!admit("203.0.113.1"))
        #expect(admit("203.0.113.2"))
        #expect(!admit("203.0.113.3"))
        for _ in 0..<HTTPLimits.keptForLoopback { #expect(admit("127.0.0.1")) }
        #expect(!admit("127.0.0.1"))
        #expect(connections.refused == 3)
        connections.closed(open[0], from: peer)
        #expect(admit("203.0.113.1") == false)
        #expect(admit("127.0.0.1"))
    }

    @Test func `Requests behind one that closes are not looked at`() throws {
        let connection = try TestConnection()
        try connection.send("GET /1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + get)
        #expect(connection.request()?.rawPath == "/1")
        #expect(connection.request() == nil)
        connection.reply(.text(200, ""))
        #expect(
            !connection.channel.isActive
                || {
                    connection.advance(2); return !connection.channel.isActive
                }())
    }

    @Test func `Header values with line breaks are left out`() throws {
        let connection = try TestConnection()
        try connection.send(get)
        _ = connection.request()
        connection.reply(ServerResponse(status: 200, headers: ["X-Bad": "a\r\nSet-Cookie: b", "X-Good": "c"]))
        let sent = try connection.sent()
        #expect(!sent.contains("Set-Cookie"))
        #expect(sent.contains("X-Good: c"))
    }

    @Test func `Whoever watches the connection hears that the client is gone, once`() throws {
        let connection = try TestConnection()
        try connection.send(get)
        let request = try #require(connection.request())
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
        _ = busy.request()
        busy.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(busy.channel.isActive)
        busy.reply(.text(200, ""))
        #expect(try busy.sent().contains("Connection: close"))
        #expect(!busy.channel.isActive)
    }

    @Test func `Requests that came before a shutdown are all answered, later ones are not looked at`() throws {
        let connection = try TestConnection()
        try connection.send(get + get)
        _ = connection.request()
        connection.quiesce()
        try connection.send(get)
        connection.reply(.text(200, "first"))
        #expect(try !connection.sent().contains("Connection: close"))
        #expect(connection.request() != nil)
        connection.reply(.text(200, "second"))
        #expect(try connection.sent().contains("Connection: close"))
        #expect(connection.request() == nil)
    }

    @Test func `A body behind an answered request keeps its own deadline`() throws {
        let connection = try TestConnection()
        try connection.send(get + "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
        _ = connection.request()
        connection.reply(.text(200, ""))
        connection.advance(20)
        try connection.send("c")
        connection.advance(5)
        try connection.send("d")
        #expect(connection.request().map { String(decoding: $0.body, as: UTF8.self) } == "abcd")
        #expect(connection.channel.isActive)
    }

    @Test func `Nothing is collected behind a request for another protocol`() throws {
        let connection = try TestConnection()
        try connection.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        #expect(connection.request() != nil)
        for _ in 0..<100 { try connection.send(String(repeating: "z", count: 10_000)) }
        #expect(connection.request() == nil)
        connection.reply(.text(200, ""))
        #expect(try connection.sent().contains("Connection: close"))
    }

    final class Counter: @unchecked Sendable {  // One thread: the embedded loop's.
        var value = 0
        func add() { value += 1 }
    }
}
