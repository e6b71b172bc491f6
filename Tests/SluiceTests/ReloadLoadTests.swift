import Foundation
import PayloadSchema
import Synchronization
import TestClient
import Testing

/// Reloads, good and bad, under a steady load. The long form runs where SLUICE_LONG_TESTS is set; CI sets it.
@Suite(.serialized, .timeLimit(.minutes(8))) struct ReloadLoadTests {
    private static let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG_TESTS"] != nil

    private static func manifest(_ number: Int) -> String {
        """
        version: 1
        server: {concurrency: \(8 + number % 8)}
        functions:
          fast:
            summary: number \(number)
            handler: {builtin: echo, simulate: {duration: \(number % 5)ms}}
            endpoint: {auth: public}
            timeout: \(10 + number % 10)s
            throttle: {limit: \(1000 + number % 100), per: 1s, burst: 100}
          extra-\(number % 3):
            handler: {builtin: echo}
        """
    }

    private static let broken = [
        "version: 1\nfunctions:\n  fast: {handler: {builtin: ecko}}\n", "version: 1\nfunctions:\n  fast:\n    hand",
        "", "version: 1\n", "functions: [\n",
        "version: 1\nfunctions:\n  fast: {handler: {builtin: echo}, timeout: 5}\n",
    ]

    private final class Ledger: Sendable {
        private let state = Mutex<(accepted: [String], wrong: [String])>(([], []))
        private let over = Atomic(false)
        var isOver: Bool { over.load(ordering: .relaxed) }
        func end() { over.store(true, ordering: .relaxed) }
        func accept(_ id: String) { state.withLock { $0.accepted.append(id) } }
        func wrong(_ text: String) { state.withLock { $0.wrong.append(text) } }
        var accepted: [String] { state.withLock { $0.accepted } }
        var wrong: [String] { state.withLock { $0.wrong } }
    }

    @Test func `No request is refused or reset, no job lost or doubled, each good file comes into force`() async throws
    {
        let (good, bad) = Self.isLong ? (1000, 200) : (100, 50)
        let server = try await ServerProcess(manifest: Self.manifest(0), environment: ["LOG_LEVEL": "warning"])
        let ledger = Ledger()
        let port = server.port
        async let load: Void = withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await offPool {
                        let connection = try RawConnection(port: port)
                        let request =
                            "POST /api/v1/fast HTTP/1.1\r\nHost: localhost\r\n"
                            + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                        while !ledger.isOver {
                            try connection.send(request)
                            let reply = try connection.response()
                            guard reply.status == 202, let id = reply.json["jobId"]?.string else {
                                ledger.wrong("\(reply.status) \(reply.text)")
                                continue
                            }
                            ledger.accept(id)
                            Thread.sleep(forTimeInterval: Self.isLong ? 0.03 : 0.004)
                        }
                    }
                }
            }
            try await group.waitForAll()
        }

        // However this ends, the load ends with it.
        defer { ledger.end() }
        // Until the load flows, and its threads leave one to us.
        while ledger.accepted.count < 20 { try await Task.sleep(for: .milliseconds(10)) }
        _ = try await ReloadTests.marker(server)
        var slowest = 0.0
        var told = 0
        for number in 1...good {
            if number % (good / bad) == 0 {
                let text = Self.broken[told % Self.broken.count] + "# \(told)\n"
                try server.folder.write(text, to: "functions.yaml")
                let status = try await ReloadTests.wait(server) { status in
                    // A broken file like the one before is told as that one.
                    status["lastError"] != .null
                }
                let line = status.value(at: ["lastError", "problems", "0", "line"])?.integer ?? 0
                #expect(line >= 1, "\(status.text)")
                told += 1
            }
            let start = ContinuousClock.now
            try server.folder.write(Self.manifest(number), to: "functions.yaml")
            while try await ReloadTests.marker(server) != "number \(number)" {
                guard ContinuousClock.now - start < .seconds(60) else {
                    throw ServerProcess.Failure(description: "number \(number) never came into force")
                }
            }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            slowest = max(slowest, seconds)
        }
        ledger.end()
        try await load

        #expect(ledger.wrong.isEmpty, "\(ledger.wrong.prefix(3))")
        let accepted = ledger.accepted
        #expect(Set(accepted).count == accepted.count)
        for id in accepted {
            let end = try await server.end(of: "/api/v1/fast/status/\(id)")
            #expect(end.status == 200 && end.json["attempts"] == 1, "\(end.text)")
        }
        #expect(try await ReloadTests.status(server)["lastError"] == .null)
        #expect(told >= bad)
        print(
            "reload test: \(good) good and \(told) broken manifests, \(accepted.count) jobs; the slowest was in force after "
                + "\(Int(slowest * 1000)) ms")
    }
}
