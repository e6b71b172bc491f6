import Foundation

/// Keys at a limit: what it costs that thousands of tenants wait for their turn, and what it costs others.
enum LanesBench {
    private static let manifest = """
        version: 1
        server: {maxQueued: 100000000}
        defaults: {maxQueued: 100000000}
        functions:
          shared:
            summary: Twenty at once, two of each tenant
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public, path: "tenants/{tenant}"}
            concurrency: [20, {limit: 2, key: parameters.tenant}]
          live:
            summary: Another function
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
        """

    private struct Run {
        var perSecond = 0.0
        /// Of the other function's POST, in microseconds.
        var p99 = 0.0
        /// The longest time that the dispatcher's lock was held, in seconds.
        var longestHold = 0.0
    }

    static func run(_ bench: Bench) throws -> [Figure] {
        let jobs = min(120_000, Int(bench.rows))
        var runs: [Int: [Run]] = [:]
        for _ in 0..<bench.rounds {
            for tenants in [10, 1_000, 30_000] {
                runs[tenants, default: []].append(try run(bench, tenants: tenants, jobs: jobs))
            }
        }
        func median(_ tenants: Int, _ value: (Run) -> Double) -> Double {
            Benchmarks.median((runs[tenants] ?? []).map(value))
        }
        var figures: [Figure] = []
        for tenants in [1_000, 30_000] {
            let name = format(Double(tenants), 0)
            let (few, many) = (median(10) { $0.perSecond }, median(tenants) { $0.perSecond })
            figures.append(
                .ratio(
                    "completions a second with \(name) tenants queued under a limit each, against 10", many / few,
                    atLeast: 0.9, "\(format(many, 0)) / \(format(few, 0))"))
            let (before, after) = (median(10) { $0.p99 }, median(tenants) { $0.p99 })
            figures.append(
                Figure(
                    name: "p99 of another function's 202 meanwhile, \(name) tenants against 10",
                    reached:
                        "\(format(after / before, 2)) (\(format(after / 1000, 2)) / \(format(before / 1000, 2)) ms)",
                    wanted: "at most 1.50", isMet: after / before <= 1.5))
        }
        let hold = runs.values.joined().map(\.longestHold).max() ?? 0
        figures.append(.told("longest hold of the dispatcher's lock", "\(format(hold * 1000, 2)) ms"))
        return figures
    }

    private static func run(_ bench: Bench, tenants: Int, jobs: Int) throws -> Run {
        say("queueing \(jobs) jobs of \(tenants) tenants")
        let server = try Server(binary: bench.binary, manifest: manifest)
        defer { server.stop() }
        try server.call("POST", "/v1/functions/shared/pause")
        try fill(server, tenants: tenants, jobs: jobs)
        var load = try Load(port: server.port, connections: 8, path: "/api/v1/live")
        defer { load.close() }
        let start = Clock.now()
        try server.call("POST", "/v1/functions/shared/resume")
        let report = try load.steady(perSecond: 300, seconds: bench.seconds)
        let left = try server.metrics()["sluice_queued_jobs"] ?? 0
        let seconds = Clock.now() - start
        let hold = try server.metrics()["sluice_dispatch_longest_hold_seconds"] ?? 0
        return Run(
            perSecond: (Double(jobs) - left) / seconds, p99: report.percentile(99), longestHold: hold)
    }

    /// A request on each of 64 connections, then the next.
    private static func fill(_ server: Server, tenants: Int, jobs: Int) throws {
        let sockets = try (0..<64).map { _ in try Socket(port: server.port) }
        defer { for socket in sockets { socket.close() } }
        for first in stride(from: 0, to: jobs, by: sockets.count) {
            let batch = zip(sockets, first..<jobs)
            for (socket, number) in batch {
                let text =
                    "POST /api/v1/tenants/t\(number % tenants) HTTP/1.1\r\nHost: 127.0.0.1:\(server.port)\r\n"
                    + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
                try socket.send(Array(text.utf8))
            }
            for (socket, _) in batch {
                let answer = try socket.readSome()
                guard answer.starts(with: Array("HTTP/1.1 202".utf8)) else {
                    throw Server.Failure(description: String(decoding: answer, as: UTF8.self))
                }
            }
        }
    }
}
