import Foundation

/// Whole lives: accept, start, complete; for minutes, until a million have ended.
enum LifeBench {
    static func run(_ bench: Bench) throws -> [Figure] {
        var figures: [Figure] = []
        let server = try bench.server()
        defer { server.stop() }

        say("whole lives over 64 connections")
        let cpu = server.cpuSeconds
        let report = try bench.accepts(server, "live", connections: 64, seconds: bench.seconds * 3)
        let atEnd = try server.metrics()
        try server.wait("sluice_queued_jobs") { $0 == 0 }
        try server.wait("sluice_running_attempts") { $0 == 0 }
        let completed = atEnd["sluice_jobs_completed_total"] ?? 0
        figures.append(
            .ratio(
                "completions against accepts in the same seconds, 64 connections", completed / Double(report.count),
                atLeast: 0.9,
                "\(format(completed / report.seconds, 0)) / \(format(report.perSecond, 0)) a second; "
                    + "\(format(atEnd["sluice_queued_jobs"] ?? 0, 0)) queued at the end"))
        figures.append(
            .told(
                "CPU of a whole life", "\(format((server.cpuSeconds - cpu) * 1e6 / Double(report.count), 0)) µs"))

        say("whole lives for \(Int(bench.longLoad)) s, and until \(Int(bench.rows)) have ended")
        let long = try bench.accepts(server, "live", connections: 64, seconds: bench.longLoad)
        figures.append(
            .told(
                "longest time without any answer in \(Int(bench.longLoad)) s of load, 64 connections",
                "\(format(long.longestPause * 1000, 0)) ms; p99 \(format(long.percentile(99) / 1000, 1)) ms, "
                    + "\(format(long.perSecond, 0)) lives a second"))
        try bench.fill(server, "live", until: bench.rows, metric: "sluice_jobs_completed_total")
        try server.wait("sluice_running_attempts") { $0 == 0 }

        let ended = try server.metrics()["sluice_jobs_completed_total"] ?? 0
        say("accepting beside \(Int(ended)) ended jobs, and in an empty file")
        let empty = try bench.server()
        defer { empty.stop() }
        // Minutes of load leave work to the disk and the kernel that belongs to neither.
        sync()
        Thread.sleep(forTimeInterval: 5)
        for each in [server, empty] { _ = try bench.accepts(each, "accept", connections: 64, seconds: 1) }
        var rates: [[Double]] = [[], []]
        for _ in 0..<bench.rounds {
            for (index, each) in [server, empty].enumerated() {
                rates[index].append(try bench.accepts(each, "accept", connections: 64).perSecond)
            }
        }
        figures.append(
            .ratio(
                "accepts with \(format(ended, 0)) ended jobs in the file against an empty one",
                median(rates[0]) / median(rates[1]), atLeast: 0.9,
                "\(format(median(rates[0]), 0)) / \(format(median(rates[1]), 0)) a second"))
        return figures
    }
}
