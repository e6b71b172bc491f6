/// What a durable 202 costs: against the same server that does everything but store.
enum AcceptBench {
    static func run(_ bench: Bench) throws -> [Figure] {
        var figures: [Figure] = []
        let durable = try bench.server()
        let discarding = try bench.discardingServer()
        defer {
            durable.stop()
            discarding.stop()
        }
        for (connections, limit) in [(64, 0.45), (256, 0.55)] {
            say("accepting over \(connections) connections, durably and not")
            var rates: [[Double]] = [[], []]
            var costs: [[Double]] = [[], []]
            let before = try durable.metrics()
            for _ in 0..<bench.rounds {
                for (index, server) in [durable, discarding].enumerated() {
                    let cpu = server.cpuSeconds
                    let report = try bench.accepts(server, "accept", connections: connections)
                    rates[index].append(report.perSecond)
                    costs[index].append((server.cpuSeconds - cpu) * 1e6 / Double(report.count))
                }
            }
            let after = try durable.metrics()
            let (stored, forgotten) = (median(rates[0]), median(rates[1]))
            figures.append(
                .ratio(
                    "durable 202s against the same POST without storage, \(connections) connections",
                    stored / forgotten, atLeast: limit, "\(format(stored, 0)) / \(format(forgotten, 0)) a second"))
            let ratio = median(costs[0]) / median(costs[1])
            figures.append(
                Figure(
                    name: "CPU of a durable 202 against one without storage, \(connections) connections",
                    reached:
                        "\(format(ratio, 2)) (\(format(median(costs[0]), 0)) / \(format(median(costs[1]), 0)) µs)",
                    wanted: "at most 2.5", isMet: ratio <= 2.5))
            if connections == 64 {
                let name = "sluice_store_batch_requests"
                let requests = (after["\(name)_sum"] ?? 0) - (before["\(name)_sum"] ?? 0)
                let batch = requests / max(1, (after["\(name)_count"] ?? 0) - (before["\(name)_count"] ?? 0))
                figures.append(
                    Figure(
                        name: "requests that share a commit, average, 64 connections", reached: format(batch, 1),
                        wanted: "at least 10", isMet: batch >= 10))
            }
        }
        for connections in [1, 16, 64] {
            say("latency over \(connections) connections")
            let report = try bench.accepts(durable, "accept", connections: connections)
            figures.append(
                .told(
                    "latency of a durable 202, \(connections) connection\(connections == 1 ? "" : "s")",
                    "p50 \(format(report.percentile(50) / 1000, 2)) ms, p99 \(format(report.percentile(99) / 1000, 2)) ms"
                        + " at \(format(report.perSecond, 0)) a second"))
        }
        return figures
    }
}
