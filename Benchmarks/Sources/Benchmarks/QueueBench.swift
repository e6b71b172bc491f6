import Foundation

/// A long queue: what it costs to start from it, to hold it, and to come up with it.
enum QueueBench {
    private static let short = 10_000.0

    static func run(_ bench: Bench) throws -> [Figure] {
        var figures: [Figure] = []
        let folder = NSTemporaryDirectory() + "sluice-benchmark-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var server = try bench.server(folder: folder)

        say("claims with \(Int(short)) queued")
        var seconds = 0.0
        for _ in 0..<5 {
            try server.call("POST", "/v1/functions/live/pause")
            try queue(short, on: server)
            seconds += try drain(short, server)
        }
        let few = 5 * short / seconds

        say("queueing \(Int(bench.rows)) jobs")
        try server.call("POST", "/v1/functions/live/pause")
        try bench.fill(server, "live", until: bench.rows, metric: "sluice_queued_jobs")
        let queued = try server.metrics()["sluice_queued_jobs"] ?? 0
        let label = "with \(format(queued, 0)) jobs queued"
        figures.append(.below("resident memory \(label)", server.memory.resident, 150, unit: "MiB"))

        say("starting with \(Int(queued)) jobs queued")
        var starts: [Double] = []
        for _ in 0..<3 {
            server.stop(removing: false)
            server = try bench.server(folder: folder)
            starts.append(server.secondsToReady * 1000)
        }
        figures.append(.below("start to ready, \(label)", median(starts), 1000, unit: "ms", digits: 0))

        say("claims with \(Int(queued)) queued")
        let many = 5 * short / (try drain(5 * short, server))
        figures.append(
            .ratio(
                "starts and ends a second \(label), against \(format(short, 0)) queued", many / few, atLeast: 0.85,
                "\(format(many, 0)) / \(format(few, 0))"))
        server.stop(removing: false)
        return figures
    }

    private static func queue(_ count: Double, on server: Server) throws {
        let load = try Load(port: server.port, connections: 64, path: "/api/v1/live")
        defer { load.close() }
        while try server.metrics()["sluice_queued_jobs"] ?? 0 < count { _ = try load.closed(seconds: 0.2) }
    }

    /// Seconds until so many more have completed.
    private static func drain(_ count: Double, _ server: Server) throws -> Double {
        let name = "sluice_jobs_completed_total"
        let before = try server.metrics()[name] ?? 0
        let start = Clock.now()
        try server.call("POST", "/v1/functions/live/resume")
        try server.wait(name) { $0 >= before + count }
        let seconds = Clock.now() - start
        let done = (try server.metrics()[name] ?? 0) - before
        // A little more than asked for may be done by then.
        return seconds * count / max(count, min(done, count * 1.2))
    }
}
