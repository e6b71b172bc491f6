import JobModel
import Synchronization
import TestClient
import Testing

@testable import Outbound

/// Kept connections that the other side closes at the very moment at which they are used again.
@Suite(.timeLimit(.minutes(1))) struct StaleConnectionTests {
    /// Stops somebody until somebody else has done something.
    private final class Step: Sendable {
        private let wanted = Blocking()
        private let done = Blocking()

        func ask() {
            wanted.signal()
            done.wait()
        }

        func answer(_ body: () -> Void) {
            wanted.wait()
            body()
            done.signal()
        }
    }

    /// Answers one request on each connection, then resets it when it is about to be used again, so often.
    private func server(resets: Int, _ step: Step) throws -> RawServer {
        let left = Mutex(resets)
        return try RawServer { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            let resets = left.withLock { left in
                left -= 1
                return left >= 0
            }
            guard resets else { return peer.waitForClose() }
            step.answer { peer.reset() }
        }
    }

    @Test func `What never left is sent again at once, and counts as one attempt`() async throws {
        let step = Step()
        let server = try server(resets: 1, step)
        let sendings = Mutex(0)
        let outbound = Outbound(policy: .anywhere) {
            let number = sendings.withLock { number in
                number += 1
                return number
            }
            // The first finds no connection. The second has one, and it is reset before a byte is written; the third is the
            // same request once more.
            if number == 2 { step.ask() }
        }
        for _ in 0..<2 {
            let result = await outbound.send(
                OutboundRequest(
                    method: "POST", url: server.url, body: Array("{}".utf8), timeout: .seconds(10)))
            #expect(result.answer?.status == 200 && result.failure == nil)
        }
        #expect(sendings.withLock { $0 } == 3)
        #expect(server.requests.count == 2 && server.connections == 2)
    }

    @Test func `It is sent again once only, and what may have arrived never`() async throws {
        let server = try RawServer { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            // The second request is read, and the connection goes away under it.
            try peer.request()
            peer.reset()
        }
        let outbound = Outbound(policy: .anywhere)
        func send() async -> OutboundResult {
            await outbound.send(OutboundRequest(method: "POST", url: server.url, body: [], timeout: .seconds(10)))
        }
        #expect(await send().answer?.status == 200)
        #expect(await send().failure == .notSentTwice)
        #expect(server.requests.count == 2)
        #expect(
            "\(OutboundFailure.notSentTwice)"
                == "connection lost: the kept connection was stale, and the request may have arrived")
    }
}
