import Handlers
import JobModel
import Outbound
import Synchronization
import TestClient
import Testing

/// What the answer of a target makes of an attempt.
@Suite(.timeLimit(.minutes(1))) struct HTTPHandlerTests {
    private static let json = "Content-Type: application/json"

    /// The outcome of one attempt, and what was recorded of it.
    private func run(
        _ answer: [UInt8], _ change: (inout HTTPTarget) -> Void = { _ in }
    ) async throws -> (outcome: Outcome, exchange: Exchange?) {
        let server = try RawServer { peer in
            try peer.request()
            try peer.send(answer)
            peer.waitForClose()
        }
        var target = HTTPTarget(url: try Template(server.url))
        change(&target)
        let clock = SleepingClock()
        let handler = HTTPHandler(
            target, outbound: Outbound(policy: target.isOfCaller ? EgressPolicy() : .anywhere), clock: clock,
            version: "1")
        let job = Job(id: JobID(row: 1, random: 1), function: "f", revision: "", createdAt: clock.now().wall)
        let exchange = Mutex<Exchange?>(nil)
        let outcome = await handler.run(
            HandlerCall(
                job: job, attempt: 1, run: 1, deadline: clock.now().wall + .seconds(10),
                report: { told in exchange.withLock { $0 = told } }))
        return (outcome, exchange.withLock { $0 })
    }

    private func run(
        _ status: String, _ fields: [String], _ body: [UInt8] = [], _ change: (inout HTTPTarget) -> Void = { _ in }
    ) async throws -> (outcome: Outcome, exchange: Exchange?) {
        let lines = (["HTTP/1.1 \(status)", "Content-Length: \(body.count)"] + fields).map { "\($0)\r\n" }
        return try await run(Array((lines.joined() + "\r\n").utf8) + body, change)
    }

    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    private static func marked(_ text: String) -> [UInt8] { [mark, Array(text.utf8)].flatMap(\.self) }

    private static let bodies: [([UInt8], String)] = [
        (marked(#"{"a": 1}"#), #"{"a": 1}"#), (marked("7"), "7"),
        // A mark alone is not JSON, two are one too many, and one inside a text belongs to it.
        (mark, "\"\u{FEFF}\""), (marked("\u{FEFF}7"), "\"\u{FEFF}\u{FEFF}7\""),
        (Array("\"\u{FEFF}\"".utf8), "\"\u{FEFF}\""),
        // UTF-16, in both orders.
        ([0xFF, 0xFE, 0x37, 0x00], "\"\u{FFFD}\u{FFFD}7\\u0000\""),
        ([0xFE, 0xFF, 0x00, 0x37], "\"\u{FFFD}\u{FFFD}\\u00007\""),
    ]

    @Test(arguments: bodies)
    func `JSON behind a byte-order mark is JSON, and nothing else is`(_ body: [UInt8], _ value: String) async throws {
        let (outcome, _) = try await run("200 OK", [Self.json], body)
        #expect(outcome == .success(value: Array(value.utf8)))
    }

    @Test func `A text keeps its mark`() async throws {
        let (outcome, _) = try await run("200 OK", ["Content-Type: text/plain"], Self.mark + Array("7".utf8))
        #expect(outcome == .success(value: Array("\"\u{FEFF}7\"".utf8)))
    }

    @Test(arguments: [
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
            OutboundFailure.protocolSwitched
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\nhello", .lengthsDiffer),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: compress\r\nContent-Length: 5\r\n\r\nhello", .codingNotDecoded),
    ])
    func `An answer that cannot be trusted fails the attempt, which is tried again as the network's`(
        _ answer: String, _ failure: OutboundFailure
    ) async throws {
        let text = Array(answer.utf8)
        #expect(try await run(text).outcome == .failure(.init(error: "\(failure)")))
        let final = try await run(text) { $0.retriesNetwork = false }
        #expect(final.outcome == .failure(.init(error: "\(failure)", retryable: false)))
    }

    @Test func `A coded answer that cannot be decoded is recorded with its status and its coding`() async throws {
        let (_, exchange) = try await run("200 OK", ["Content-Encoding: compress"], Array("hello".utf8))
        #expect(exchange?.statusCode == 200)
        #expect(exchange?.headers.contains(HeaderField(name: "content-encoding", value: "compress")) == true)
    }

    @Test(
        arguments: [
            ("7", 7), ("Tue, 19 May 2026 10:00:09 GMT", 9), ("Tuesday, 19-May-26 10:00:09 GMT", 9),
            ("Tue May 19 10:00:09 2026", 9), ("never", nil),
        ] as [(String, Int?)])
    func `A target's Retry-After is told in all its forms`(_ value: String, _ seconds: Int?) async throws {
        let (outcome, _) = try await run("503 Busy", ["Retry-After: \(value)"])
        guard case .failure(let failure) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(failure.retryAfter == seconds.map { .seconds($0) })
        let ignored = try await run("503 Busy", ["Retry-After: \(value)"]) { $0.honoursRetryAfter = false }
        guard case .failure(let other) = ignored.outcome else {
            Issue.record("\(ignored)")
            return
        }
        #expect(other.retryAfter == nil)
    }

    @Test func `A target of a caller's that is not reached is told and tried as one that is not there`() async throws {
        let (refused, exchange) = try await run("200 OK", []) { $0.isOfCaller = true }
        let (missing, other) = try await run("200 OK", []) { target in
            target =
                (try? Template("http://\(String(repeating: "a", count: 64)).invalid/")).map(HTTPTarget.init) ?? target
            target.isOfCaller = true
        }
        #expect(refused == missing && exchange == nil && other == nil)
        #expect(refused == .failure(.init(error: "the host was not found, or its address is not allowed")))
    }
}
