import Foundation

/// What the door costs: against a SwiftNIO server that answers 202 and does nothing else.
enum DoorBench {
    /// Everything that a call may carry.
    private static let manifest = """
        version: 1
        server: {maxQueued: 100000000}
        accounts: {maxQueued: 100000000}
        defaults: {maxQueued: 100000000}
        functions:
          accept:
            summary: Accepted and never started
            handler: {builtin: echo, simulate: {duration: 0s}}
            rateLimit: {limit: 1000000000, per: 1h, key: account}
            paused: true
        """

    /// One thing that is measured round by round.
    private final class Subject {
        let server: Server
        var load: Load
        var rates: [Double] = []
        var costs: [Double] = []
        var tails: [Double] = []

        init(_ server: Server, _ load: Load) {
            self.server = server
            self.load = load
        }

        func measure(_ seconds: Double, status: Int = 202) throws {
            let cpu = server.cpuSeconds
            let report = try load.closed(seconds: seconds)
            guard report.statuses.keys.allSatisfy({ $0 == status }) else {
                throw Server.Failure(description: "answers other than \(status): \(report.statuses)")
            }
            rates.append(report.perSecond)
            costs.append((server.cpuSeconds - cpu) * 1e6 / Double(report.count))
            tails.append(report.percentile(99))
        }

        var rate: Double { median(rates) }
        var cost: Double { median(costs) }
        var tail: Double { median(tails) }
    }

    static func run(_ bench: Bench) throws -> [Figure] {
        let raw = try bench.noOp(loops: try bestLoops(bench))
        let durable = try bench.server()
        let full = try Server(binary: bench.binary, manifest: manifest)
        defer { for server in [raw, durable, full] { server.stop() } }
        let key = try account(full)
        let rich = ["Authorization: Bearer \(key)", "Idempotency-Key: benchmark-\(Load.number)"]

        var figures: [Figure] = []
        for (connections, share) in [(64, 0.48), (256, 0.60)] {
            say("202s over \(connections) connections: raw, durable, with credentials, key and rate limit")
            func subject(_ server: Server, _ headers: [String] = []) throws -> Subject {
                Subject(
                    server,
                    try Load(
                        port: server.port, connections: connections, path: "/api/v1/accept", headers: headers))
            }
            let (none, plain) = (try subject(raw), try subject(durable))
            for _ in 0..<bench.rounds { for each in [none, plain] { try each.measure(bench.seconds) } }
            // By itself: keys are written at random places, and what the disk has left to do would be the others' delay.
            let all = try subject(full, rich)
            for _ in 0..<bench.rounds { try all.measure(bench.seconds) }
            let name = "over \(connections) connections"
            figures.append(
                .ratio(
                    "durable 202s a second against a raw SwiftNIO no-op, \(name)", plain.rate / none.rate,
                    atLeast: share, "\(format(plain.rate, 0)) / \(format(none.rate, 0))"))
            figures.append(
                .told(
                    "the same with credentials, an idempotency key and a rate limit",
                    "\(format(all.rate / none.rate, 2)) (\(format(all.rate, 0)))"))
            figures.append(
                .atMost(
                    "CPU of a durable 202 against the no-op, \(name)", plain.cost / none.cost, 2.6,
                    "\(format(plain.cost, 1)) / \(format(none.cost, 1)) µs"))
            figures.append(
                .told(
                    "the same with credentials, an idempotency key and a rate limit",
                    "\(format(all.cost / none.cost, 2)) (\(format(all.cost, 1)) µs)"))
            for each in [none, plain, all] { each.load.close() }
        }
        figures += try life(bench, raw) + tails(bench, raw, durable) + statuses(bench, raw, durable) + start(bench)
        return figures
    }

    /// The no-op shows itself at its best: the loops that answer most, while the load wants a core too.
    private static func bestLoops(_ bench: Bench) throws -> Int {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        var best = (loops: 1, rate: 0.0)
        for loops in Set([max(1, cores / 2), cores]) {
            let server = try bench.noOp(loops: loops)
            defer { server.stop() }
            let subject = Subject(server, try Load(port: server.port, connections: 64, path: "/"))
            defer { subject.load.close() }
            for _ in 0..<bench.rounds { try subject.measure(1) }
            if subject.rate > best.rate { best = (loops, subject.rate) }
        }
        return best.loops
    }

    private static func account(_ server: Server) throws -> String {
        let answer = try server.call("POST", "/v1/accounts", body: #"{"name":"load"}"#)
        guard let key = answer.firstMatch(of: /"(slc_[0-9a-f_]+)"/)?.output.1 else {
            throw Server.Failure(description: "no key: \(answer)")
        }
        return String(key)
    }

    private static func life(_ bench: Bench, _ raw: Server) throws -> [Figure] {
        say("whole lives against the no-op")
        let server = try bench.server()
        defer { server.stop() }
        let none = Subject(raw, try Load(port: raw.port, connections: 64, path: "/"))
        defer { none.load.close() }
        var costs: [Double] = []
        for _ in 0..<bench.rounds {
            try none.measure(bench.seconds)
            let cpu = server.cpuSeconds
            let report = try bench.accepts(server, "live", connections: 64, seconds: bench.seconds)
            try server.wait("sluice_queued_jobs") { $0 == 0 }
            try server.wait("sluice_running_attempts") { $0 == 0 }
            costs.append((server.cpuSeconds - cpu) * 1e6 / Double(report.count))
        }
        return [
            .atMost(
                "CPU of a whole life against the no-op", median(costs) / none.cost, 3.2,
                "\(format(median(costs), 1)) / \(format(none.cost, 1)) µs")
        ]
    }

    private static func tails(_ bench: Bench, _ raw: Server, _ durable: Server) throws -> [Figure] {
        try [16, 64].map { connections in
            say("p99 over \(connections) connections")
            func subject(_ server: Server) throws -> Subject {
                Subject(server, try Load(port: server.port, connections: connections, path: "/api/v1/accept"))
            }
            let (none, plain) = (try subject(raw), try subject(durable))
            var syncs: [Double] = []
            for _ in 0..<bench.rounds {
                try none.measure(bench.seconds)
                try plain.measure(bench.seconds)
                syncs.append(try DiskSync.p99(beside: bench.binary))
            }
            for each in [none, plain] { each.load.close() }
            let sum = none.tail + median(syncs)
            return .told(
                "p99 of a 202 against those of the no-op and of one fdatasync together, \(connections) connections",
                "\(format(plain.tail / sum, 2)) (\(format(plain.tail / 1000, 2)) / "
                    + "\(format(none.tail / 1000, 2)) + \(format(median(syncs) / 1000, 2)) ms)")
        }
    }

    private static func statuses(_ bench: Bench, _ raw: Server, _ durable: Server) throws -> [Figure] {
        say("status GETs")
        let accepted = try durable.call("POST", "/api/v1/accept", body: "{}", asNobody: true)
        guard let url = accepted.firstMatch(of: /"statusUrl":"([^"]+)"/)?.output.1 else {
            throw Server.Failure(description: "not accepted: \(accepted)")
        }
        let none = Subject(raw, try Load(port: raw.port, connections: 64, path: String(url), body: nil))
        let status = Subject(durable, try Load(port: durable.port, connections: 64, path: String(url), body: nil))
        for _ in 0..<bench.rounds { for each in [none, status] { try each.measure(bench.seconds) } }
        for each in [none, status] { each.load.close() }
        return [
            .ratio(
                "status GETs a second against the no-op", status.rate / none.rate, atLeast: 0.80,
                "\(format(status.rate, 0)) / \(format(none.rate, 0))")
        ]
    }

    /// From the start of the process to the first durable 202, against `sluice --version`.
    private static func start(_ bench: Bench) throws -> [Figure] {
        say("start to the first 202")
        var starts: [Double] = []
        var versions: [Double] = []
        for _ in 0..<max(5, bench.rounds) {
            let before = Clock.now()
            let server = try bench.server()
            try server.call("POST", "/api/v1/accept", body: "{}", asNobody: true)
            starts.append((Clock.now() - before) * 1000)
            server.stop()
            let start = Clock.now()
            let process = Process()
            process.executableURL = URL(fileURLWithPath: bench.binary)
            process.arguments = ["--version"]
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            versions.append((Clock.now() - start) * 1000)
        }
        return [
            .told(
                "start to the first durable 202 against `sluice --version`",
                "\(format(median(starts) / median(versions), 1)) (\(format(median(starts), 0)) / "
                    + "\(format(median(versions), 0)) ms)")
        ]
    }
}
