import Foundation

/// How soon a job starts after it was accepted, by the server's own times.
enum StartBench {
    static func run(_ bench: Bench) throws -> [Figure] {
        try [50.0, 1000.0].map { rate in
            say("accept to start at \(Int(rate)) jobs a second")
            let server = try bench.server()
            defer { server.stop() }
            var load = try Load(port: server.port, connections: 64, path: "/api/v1/live")
            defer { load.close() }
            let report = try load.steady(perSecond: rate, seconds: bench.seconds * 2)
            try server.wait("sluice_jobs_completed_total") { $0 >= Double(report.count) }
            let delays = try delays(server)
            func percentile(_ percent: Int) -> Double { delays[min(delays.count - 1, delays.count * percent / 100)] }
            return Figure(
                name: "accept to start at \(Int(rate)) jobs a second",
                reached: "p50 \(format(percentile(50), 0)) ms, p99 \(format(percentile(99), 0)) ms",
                wanted: "p99 below 5 ms", isMet: percentile(99) < 5)
        }
    }

    /// Milliseconds from `createdAt` to `startedAt` of every job, in order.
    private static func delays(_ server: Server) throws -> [Double] {
        var delays: [Double] = []
        var cursor: String?
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        repeat {
            let path = "/v1/tasks?limit=100\(cursor.map { "&cursor=\($0)" } ?? "")"
            let data = Data(try server.call("GET", path).utf8)
            guard let page = try JSONSerialization.jsonObject(with: data) as? [String: Any],
                let tasks = page["tasks"] as? [[String: Any]]
            else { throw Server.Failure(description: "no list of tasks") }
            for task in tasks {
                guard let created = task["createdAt"] as? String, let started = task["startedAt"] as? String else {
                    continue
                }
                let delay = try Date(started, strategy: style).timeIntervalSince(Date(created, strategy: style))
                delays.append((delay * 1000).rounded())
            }
            cursor = page["nextCursor"] as? String
        } while cursor != nil
        return delays.sorted()
    }
}
