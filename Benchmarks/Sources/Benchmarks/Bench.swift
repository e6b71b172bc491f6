import Foundation

/// What all benchmarks share: the binary, the manifest, and how long things go on.
struct Bench {
    var binary: String
    /// This program, which is its own helper.
    let own = "/proc/self/exe".resolvingLink
    /// Rows of the large tables; 1,000,000 unless it has to be quick.
    var rows: Double
    /// Seconds of the long load.
    var longLoad: Double
    /// Seconds of each short one; rounds alternate between the two things that are compared.
    var seconds = 4.0
    var rounds = 3

    static let manifest = """
        version: 1
        server: {maxQueued: 100000000}
        defaults: {maxQueued: 100000000}
        functions:
          accept:
            summary: Accepted and never started
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
            paused: true
          live:
            summary: A whole life, as short as one can be
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
        """

    /// What a SwiftNIO server does that answers 202 and nothing else, with as many event loops as it is best with.
    func noOp(loops: Int) throws -> Server {
        try Server(
            binary: beside("NoOpServer"), arguments: [], manifest: "", environment: ["LOOPS": "\(loops)"])
    }

    func server(folder: String? = nil) throws -> Server {
        try Server(binary: binary, manifest: Self.manifest, folder: folder)
    }

    /// The same server with a store that accepts and forgets.
    func discardingServer() throws -> Server {
        try Server(binary: beside("DiscardingServer"), arguments: [], manifest: Self.manifest)
    }

    /// Another program that was built with the binary.
    func beside(_ program: String) -> String {
        URL(fileURLWithPath: binary).deletingLastPathComponent().appendingPathComponent(program).path
    }

    /// Whole answers only: anything but a 202 makes a figure worthless.
    func accepts(_ server: Server, _ function: String, connections: Int, seconds: Double? = nil) throws -> Load.Report {
        var load = try Load(port: server.port, connections: connections, path: "/api/v1/\(function)")
        defer { load.close() }
        let report = try load.closed(seconds: seconds ?? self.seconds)
        guard report.statuses.keys.allSatisfy({ $0 == 202 }) else {
            throw Server.Failure(description: "answers other than 202: \(report.statuses)")
        }
        return report
    }

    /// Accepts jobs until so many more are queued or ended.
    func fill(_ server: Server, _ function: String, until count: Double, metric: String) throws {
        while try server.metrics()[metric] ?? 0 < count { _ = try accepts(server, function, connections: 64) }
    }
}

extension String {
    fileprivate var resolvingLink: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: self)) ?? self
    }
}

/// Tells what goes on, for whoever waits.
func say(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
