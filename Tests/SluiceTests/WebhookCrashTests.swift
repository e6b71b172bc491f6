import Foundation
import Glibc
import PayloadSchema
import Synchronization
import TestClient
import Testing

/// kill -9 between the end of a job and its webhook. The long form runs where SLUICE_LONG_TESTS is set; CI sets it.
@Suite(.serialized, .timeLimit(.minutes(4))) struct WebhookCrashTests {
    private static let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG_TESTS"] != nil

    /// Ids of jobs that got a 202.
    private final class Ledger: Sendable {
        private let ids = Mutex<Set<String>>([])
        func add(_ id: String) { _ = ids.withLock { $0.insert(id) } }
        var all: Set<String> { ids.withLock { $0 } }
    }

    @Test func `Every webhook of an accepted job arrives, and whoever gets it twice can tell`() async throws {
        let cycles = Self.isLong ? 50 : 8
        // Slow enough that a kill finds webhooks stored, under way, and answered but not yet noted.
        let receiver = try RawServer { peer in
            while true {
                try peer.request()
                usleep(15_000)
                try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let manifest = """
            version: 1
            functions:
              told:
                handler: {builtin: echo, simulate: {duration: 5ms, spread: 0.5}}
                endpoint: {auth: public}
                onComplete: {url: "\(receiver.url)/hook", secret: "a secret for this test"}
            """
        let folder = try TemporaryFolder()
        let accepted = Ledger()
        for cycle in 0..<cycles {
            let server = try await ServerProcess(manifest: manifest, folder: folder)
            let port = server.port
            async let load: Void = offPool {
                guard let connection = try? RawConnection(port: port) else { return }
                let request =
                    "POST /api/v1/told HTTP/1.1\r\nHost: localhost\r\n"
                    + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                while true {
                    guard (try? connection.send(request)) != nil, let reply = try? connection.response() else { return }
                    if reply.status == 202, let id = reply.json["jobId"]?.string {
                        accepted.add(id)
                    }
                    usleep(2000)
                }
            }
            // Each cycle is killed a little later than the one before.
            try await Task.sleep(for: .milliseconds(60 + cycle * 7 % 90))
            server.signal(SIGKILL)
            #expect(try await server.waitForExit() == 128 + SIGKILL)
            try await load
        }
        let jobs = accepted.all
        #expect(jobs.count > cycles * 3)

        let server = try await ServerProcess(manifest: manifest, folder: folder)
        let limit = Date().addingTimeInterval(60)
        var bodies: [String: Set<String>] = [:]
        var told: Set<String> = []
        var count = 0
        repeat {
            try await Task.sleep(for: .milliseconds(100))
            let requests = receiver.requests
            (bodies, told, count) = ([:], [], requests.count)
            for request in requests.map(WebhookTests.Received.init) {
                bodies[request.fields["webhook-id"] ?? "", default: []].insert(request.body)
                told.insert((try? JSONParser.parse(request.body))?["jobId"]?.string ?? "")
            }
        } while !jobs.isSubset(of: told) && Date() < limit
        #expect(jobs.subtracting(told).isEmpty, "\(jobs.subtracting(told).count) webhooks never came")
        // One message has one id and one body, however often it comes.
        #expect(bodies.count == told.count)
        #expect(bodies.values.allSatisfy { $0.count == 1 })
        // Without a webhook that came twice no kill has met one under way, and this test shows little.
        #expect(count > told.count)
        print("webhook crash test: \(cycles) kills, \(jobs.count) jobs, \(count - told.count) webhooks came twice")
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
    }
}
