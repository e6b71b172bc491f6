import PayloadSchema
import Synchronization
import TestClient
import Testing

/// One client cancels a job while another tries it again as fast as it can.
@Suite(.timeLimit(.minutes(2))) struct CancelLoopTests {
    private static let rounds = 150

    private static func manifest(paused: Bool) -> String {
        """
        version: 1
        functions:
          f:
            handler: {builtin: echo, simulate: {hang: true}}
            endpoint: {auth: public}
            retry: {attempts: 1}
            paused: \(paused)
        """
    }

    /// Tries the job again whenever it may.
    private final class Retrier: Sendable {
        let opened = Atomic(0)
        let isOver = Atomic(false)

        func run(_ server: ServerProcess, _ id: String, _ admin: [String], each: () -> Void) async throws {
            while !isOver.load(ordering: .relaxed) {
                let reply = try await server.request("POST", "/v1/tasks/\(id)/retry", headers: admin)
                guard reply.status == 202 else {
                    #expect(reply.status == 409, "\(reply.text)")
                    continue
                }
                opened.wrappingAdd(1, ordering: .relaxed)
                each()
            }
        }
    }

    /// Queued runs are cancelled at once; of running ones the attempt is stopped.
    @Test(arguments: [true, false]) func `Every run that is cancelled has one 200, and no 200 ends two`(
        _ paused: Bool
    ) async throws {
        let server = try await ServerProcess(manifest: Self.manifest(paused: paused))
        let status = try await server.accept("/api/v1/f")
        let id = String(status.split(separator: "/").last ?? "")
        let admin = ["Authorization: Bearer \(try server.adminToken)"]
        let retrier = Retrier()
        let (reopened, continuation) = AsyncStream<Void>.makeStream()
        async let retries: Void = retrier.run(server, id, admin) { continuation.yield() }
        var reopenings = reopened.makeAsyncIterator()
        for round in 1...Self.rounds {
            let reply = try await server.request("DELETE", "/v1/tasks/\(id)?force=true", headers: admin)
            if reply.status != 200 { retrier.isOver.store(true, ordering: .relaxed) }
            try #require(reply.status == 200, "round \(round): \(reply.text)")
            #expect(reply.json["task"]?["status"] == "cancelled")
            // Until the other has seen it: the next 200 is for the next run.
            await reopenings.next()
        }
        retrier.isOver.store(true, ordering: .relaxed)
        try await retries
        #expect(retrier.opened.load(ordering: .relaxed) == Self.rounds)
        let task = try await server.request("GET", "/v1/tasks/\(id)", headers: admin)
        #expect(["pending", "processing"].contains(task.json["task"]?["status"]?.string))
    }
}
