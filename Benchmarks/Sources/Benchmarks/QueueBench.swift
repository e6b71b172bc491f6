import Foundation

/// A long queue: what it costs to start from it, to hold it, and to come up with it.
enum QueueBench {
    private static let short = 15_000.0
    /// Jobs started and ended in one look.
    private static let window = 10_000.0

    static func run(_ bench: Bench) throws -> [Figure] {
        var figures: [Figure] = []
        let folder = Server.newFolder(beside: bench.binary)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var long = try bench.server(folder: folder)

        say("queueing \(Int(bench.rows)) jobs")
        try long.call("POST", "/v1/functions/live/pause")
        try bench.fill(long, "live", until: bench.rows, metric: "sluice_queued_jobs")
        let queued = try queued(long)
        let label = "with \(format(queued, 0)) jobs queued"
        figures.append(.below("resident memory \(label)", long.memory.resident, 150, unit: "MiB"))

        say("starting with \(Int(queued)) jobs queued")
        var starts: [Double] = []
        for _ in 0..<3 {
            long.stop(removing: false)
            long = try bench.server(folder: folder)
            starts.append(long.secondsToReady * 1000)
        }
        figures.append(.below("start to ready, \(label)", median(starts), 1000, unit: "ms", digits: 0))

        say("starting and ending jobs with \(Int(queued)) queued, and with a few")
        let few = try bench.server()
        defer { few.stop() }
        try few.call("POST", "/v1/functions/live/pause")
        var rates: [[Double]] = [[], []]
        for _ in 0..<bench.rounds * 3 {
            rates[0].append(try rate(long))
            try queue(short, on: few)
            rates[1].append(try rate(few))
        }
        figures.append(
            .ratio(
                "starts and ends a second \(label), against about \(format(window, 0))",
                median(rates[0]) / median(rates[1]), atLeast: 0.85,
                "\(format(median(rates[0]), 0)) / \(format(median(rates[1]), 0))"))
        long.stop(removing: false)
        return figures
    }

    private static func queue(_ count: Double, on server: Server) throws {
        var load = try Load(port: server.port, connections: 64, path: "/api/v1/live")
        defer { load.close() }
        while try queued(server) < count { _ = try load.closed(seconds: 0.1) }
    }

    private static func queued(_ server: Server) throws -> Double {
        let answer = try server.call("GET", "/v1/async/status")
        guard let match = answer.firstMatch(of: /"queuedTasks":(\d+)/), let count = Double(match.output.1) else {
            throw Server.Failure(description: "no queue status: \(answer)")
        }
        return count
    }

    /// Jobs a second while a window of them leaves the queue; the function is paused before and after.
    private static func rate(_ server: Server) throws -> Double {
        let before = try queued(server)
        let start = Clock.now()
        try server.call("POST", "/v1/functions/live/resume")
        var left = before
        while left > before - window {
            usleep(5000)
            left = try queued(server)
        }
        let seconds = Clock.now() - start
        try server.call("POST", "/v1/functions/live/pause")
        try server.wait("sluice_running_attempts") { $0 == 0 }
        return (before - left) / seconds
    }
}
