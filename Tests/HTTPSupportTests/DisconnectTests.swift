import Testing

@testable import HTTPSupport

@Suite struct DisconnectTests {
    private let connection = ClientConnection(peer: nil)

    @Test func `What a client waits for is cancelled when it disconnects, before or during the wait`() async throws {
        let (entered, enter) = AsyncStream<Void>.makeStream()
        func wait() async throws {
            try await connection.whileThere {
                enter.yield()
                // Ends when the task is cancelled.
                for await _ in AsyncStream<Void>.makeStream().stream {}
                try Task.checkCancellation()
            }
        }
        let waiting = Task { try await wait() }
        for await _ in entered { break }
        connection.disconnected()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        await #expect(throws: CancellationError.self) { try await wait() }
    }

    @Test func `A client that stays gets its answer`() async throws {
        #expect(try await connection.whileThere { 7 } == 7)
    }
}
