import Foundation

/// A manifest with a thousand functions: looked over, loaded, and swapped under load.
enum ReloadBench {
    private static func manifest(_ count: Int, marker: Int = 0) -> String {
        let functions = (0..<count).map { number in
            """
              function-\(number):
                summary: Number \(number) of revision \(marker)
                handler:
                  http:
                    url: https://example.com/\(number)/{parameters.id}
                    headers: {X-Number: "\(number)", X-Tenant: "{payload.tenant}"}
                    retryOn: [429, 5xx, network, timeout]
                endpoint: {path: "f\(number)/{id}", auth: public}
                timeout: 10s
                retry: {attempts: 5, backoff: exponential, delay: 1s}
                concurrency: [20, {limit: 5, key: payload.tenant}]
            """
        }
        return Bench.manifest + "\n" + functions.joined(separator: "\n") + "\n"
    }

    static func run(_ bench: Bench) throws -> [Figure] {
        say("looking over a manifest with 1,000 functions")
        var times: [[Double]] = [[], []]
        for _ in 0..<max(3, bench.rounds) {
            for (index, count) in [1000, 0].enumerated() { times[index].append(try check(bench, manifest(count))) }
        }
        let (large, small) = (median(times[0]), median(times[1]))

        let server = try Server(binary: bench.binary, manifest: manifest(1000), folder: nil)
        defer { server.stop() }
        let plain = try bench.server()
        let memory = server.memory.resident - plain.memory.resident
        plain.stop()

        say("accepting while a manifest with 1,000 functions is reloaded twice a second, and while it is not")
        _ = try bench.accepts(server, "accept", connections: 16, seconds: 1)
        var p99: [[Double]] = [[], []]
        let reloads = Reloads(folder: server.folder)
        for _ in 0..<bench.rounds {
            p99[0].append(try bench.accepts(server, "accept", connections: 16).percentile(99))
            reloads.start()
            p99[1].append(try bench.accepts(server, "accept", connections: 16).percentile(99))
            reloads.stop()
        }
        let taken = try server.metrics()["sluice_manifest_reloads_total"] ?? 0
        guard taken > 1 else { throw Server.Failure(description: "nothing was reloaded") }
        let (quiet, busy) = (median(p99[0]), median(p99[1]))
        return [
            .below(
                "loading a manifest with 1,000 functions (sluice check, less that of an empty one)",
                (large - small) * 1000, 200, unit: "ms", digits: 0),
            .told("memory of 1,000 functions", "\(format(memory, 1)) MiB"),
            Figure(
                name: "p99 of a durable 202 while 1,000 functions are reloaded twice a second, against before",
                reached:
                    "\(format(busy / quiet, 2)) (\(format(busy / 1000, 2)) / \(format(quiet / 1000, 2)) ms; \(format(taken, 0)) reloads)",
                wanted: "at most 1.50", isMet: busy / quiet <= 1.5),
        ]
    }

    /// Seconds that `sluice check` takes.
    private static func check(_ bench: Bench, _ text: String) throws -> Double {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-\(UUID().uuidString).yaml")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: bench.binary)
        process.arguments = ["check", file.path]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        let start = Clock.now()
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Server.Failure(description: "the manifest is wrong") }
        return Clock.now() - start
    }

    /// Writes the manifest anew twice a second, on a thread of its own.
    private final class Reloads: @unchecked Sendable {
        // Every access holds the lock.
        private let lock = NSCondition()
        private let folder: String
        private var isRunning = false
        private var isIdle = true
        private var marker = 0

        init(folder: String) { self.folder = folder }

        func start() {
            lock.lock()
            isRunning = true
            isIdle = false
            lock.unlock()
            Thread.detachNewThread { [self] in
                lock.lock()
                while isRunning {
                    marker += 1
                    try? ReloadBench.manifest(1000, marker: marker).write(
                        toFile: folder + "/functions.yaml", atomically: true, encoding: .utf8)
                    _ = lock.wait(until: Date().addingTimeInterval(0.5))
                }
                isIdle = true
                lock.broadcast()
                lock.unlock()
            }
        }

        func stop() {
            lock.lock()
            isRunning = false
            lock.broadcast()
            while !isIdle { lock.wait() }
            lock.unlock()
        }
    }
}
