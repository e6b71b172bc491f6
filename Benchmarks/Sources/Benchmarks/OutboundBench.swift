import CCurlLoop
import CTarget
import Foundation

/// Requests that leave: the Outbound layer, whole jobs and webhooks, against libcurl by itself in C, all to one target.
enum OutboundBench {
    static func run(_ bench: Bench) throws -> [Figure] {
        let target = try Child(bench.own, ["--target"])
        defer { target.stop() }
        guard let port = Int(target.line()) else { throw Server.Failure(description: "the target does not listen") }
        let url = "http://127.0.0.1:\(port)/"
        let silent = try Child(bench.own, ["--target"])
        defer { silent.stop() }
        let hang = "http://127.0.0.1:\(silent.line())/hang"
        let layer = bench.beside("OutboundLoad")

        let server = try Server(binary: bench.binary, manifest: manifest(url), folder: nil)
        defer { server.stop() }
        say("the Outbound layer and libcurl by itself, 64 at once, then with 2,000 more that hang, then whole jobs")
        let seconds = "\(bench.seconds)"
        var plain: [Rate] = []
        var alone: [Rate] = []
        var crowded: [Rate] = []
        var calls: [Double] = []
        for _ in 0..<bench.rounds {
            plain.append(try rate(bench.own, ["--curl-loop", url, "64", seconds], bench.seconds))
            alone.append(try rate(layer, [url, "64", seconds], bench.seconds))
            crowded.append(try rate(layer, [url, "64", seconds, hang, "2000"], bench.seconds))
            calls.append(try drain(bench, server, "call", "sluice_jobs_completed_total"))
        }
        let webhooks = try drain(bench, server, "tell", "sluice_webhooks_delivered_total")
        func ratio(_ name: String, _ own: [Double], to base: [Rate], atLeast limit: Double) -> Figure {
            let base = base.map(\.perSecond)
            let ratios = zip(own, base).map { $0 / $1 }
            return .ratio(
                name, median(ratios), atLeast: limit,
                "\(format(ratios.min() ?? 0, 2)) to \(format(ratios.max() ?? 0, 2)); "
                    + "\(format(median(own), 0)) / \(format(median(base), 0)) a second")
        }
        let own = alone.map(\.perSecond)
        let costs = [alone, plain].map { format(median($0.map(\.microseconds)), 0) }
        return [
            ratio(
                "requests of the Outbound layer against a plain libcurl loop in C, 64 at once", own, to: plain,
                atLeast: 0.8),
            .told("CPU of a request, Outbound layer and plain loop", "\(costs[0]) µs, \(costs[1]) µs"),
            ratio(
                "requests of the Outbound layer with 2,000 more hanging at another target against without",
                crowded.map(\.perSecond), to: alone, atLeast: 0.7),
            ratio(
                "whole http jobs from a filled queue against the plain loop's requests", calls, to: plain,
                atLeast: 0.3),
            .told(
                "webhooks, from jobs in a filled queue to delivered and logged", "\(format(webhooks, 0)) a second"),
        ]
    }

    private static func manifest(_ url: String) -> String {
        """
        version: 1
        server: {maxQueued: 100000000, concurrency: 1024}
        defaults: {maxQueued: 100000000}
        functions:
          call:
            handler: {http: {url: "\(url)"}}
            endpoint: {auth: public}
          tell:
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            onComplete: {url: "\(url)"}
        """
    }

    /// A queue is filled while its function is paused, then emptied: how many a second, by a counter of the metrics.
    private static func drain(
        _ bench: Bench, _ server: Server, _ function: String, _ metric: String
    ) throws -> Double {
        let count = bench.rows / 20
        say("\(Int(count)) jobs of \(function) from a filled queue")
        try server.call("POST", "/v1/functions/\(function)/pause")
        try bench.fill(server, function, until: count, metric: "sluice_queued_jobs")
        let queued = try server.metrics()["sluice_queued_jobs"] ?? 0
        let before = try server.metrics()[metric] ?? 0
        let start = Clock.now()
        try server.call("POST", "/v1/functions/\(function)/resume")
        try server.wait(metric) { $0 >= before + queued }
        return queued / (Clock.now() - start)
    }

    private struct Rate {
        var perSecond: Double
        /// CPU of one request.
        var microseconds: Double
    }

    private static func rate(_ program: String, _ arguments: [String], _ seconds: Double) throws -> Rate {
        let child = try Child(program, arguments)
        defer { child.stop() }
        let words = child.line().split(separator: " ").compactMap { Double($0) }
        guard words.count == 2, words[0] > 0 else {
            throw Server.Failure(description: "\(program) \(arguments) measured nothing")
        }
        return Rate(perSecond: words[0] / seconds, microseconds: words[1] / words[0] * 1e6)
    }

    // MARK: What this program does when it is its own child

    /// `--target`: prints its port and serves. `--curl-loop URL CONCURRENCY SECONDS`: prints answers and CPU seconds.
    static func child(_ arguments: [String]) -> Bool {
        switch arguments.first {
        case "--target"?:
            var port: Int32 = 0
            let listener = target_listen(&port)
            print(port)
            fflush(nil)
            if listener >= 0 { target_serve(listener) }
            return true
        case "--curl-loop"? where arguments.count == 4:
            let count = curl_loop(arguments[1], Int32(arguments[2]) ?? 1, Double(arguments[3]) ?? 1)
            var time = timespec()
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
            print(count, Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)
            return true
        default:
            return false
        }
    }
}

/// A program whose first line of output says what is wanted of it.
private final class Child {
    private let process = Process()
    private let output = Pipe()

    init(_ program: String, _ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
    }

    func line() -> String {
        var line = ""
        while let byte = try? output.fileHandleForReading.read(upToCount: 1), let byte = byte.first, byte != 0x0A {
            line.unicodeScalars.append(UnicodeScalar(byte))
        }
        return line
    }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}
