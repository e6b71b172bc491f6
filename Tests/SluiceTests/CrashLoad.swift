import Glibc
import PayloadSchema
import Synchronization
import TestClient

/// Clients of a server that is killed, and what they were promised.
final class CrashLoad: Sendable {
    /// A job that got a 202.
    struct Accepted: Sendable {
        var id: String
        var function: String
    }

    private let functions: [String]
    private let ledger = Mutex<[Accepted]>([])

    /// - Parameter functions: what the clients call, each one of them.
    init(_ functions: [String]) { self.functions = functions }

    var accepted: [Accepted] { ledger.withLock { $0 } }

    /// Eight clients post until the server is gone. Their payloads name one of five tenants in turn.
    func post(to port: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for client in 0..<8 {
                group.addTask {
                    try await offPool { self.post(self.functions[client % self.functions.count], client, port) }
                }
            }
            try await group.waitForAll()
        }
    }

    private func post(_ function: String, _ client: Int, _ port: Int) {
        guard let connection = try? RawConnection(port: port) else { return }
        var tenant = client
        while true {
            tenant = (tenant + 1) % 5
            let body = #"{"tenant":\#(tenant)}"#
            let request =
                "POST /api/v1/\(function) HTTP/1.1\r\nHost: localhost\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            guard (try? connection.send(request)) != nil, let reply = try? connection.response() else { return }
            if reply.status == 202, let id = reply.json["jobId"]?.string {
                ledger.withLock { $0.append(Accepted(id: id, function: function)) }
            }
            usleep(8000)
        }
    }
}
