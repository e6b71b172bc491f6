import Foundation

/// Runs the benchmarks that are named, or all, and prints a table.
@main
enum Main {
    private static let benches: [(name: String, run: @Sendable (Bench) throws -> [Figure])] = [
        ("door", DoorBench.run), ("accept", AcceptBench.run), ("life", LifeBench.run), ("start", StartBench.run),
        ("queue", QueueBench.run),
        ("lanes", LanesBench.run),
        ("memory", MemoryBench.run), ("outbound", OutboundBench.run), ("reload", ReloadBench.run),
    ]

    static func main() throws {
        if OutboundBench.child(Array(CommandLine.arguments.dropFirst())) { return }
        var arguments = CommandLine.arguments.dropFirst()
        let isQuick = arguments.contains("--quick")
        arguments.removeAll { $0 == "--quick" }
        guard let binary = arguments.popFirst(), FileManager.default.isExecutableFile(atPath: binary),
            arguments.allSatisfy({ name in benches.contains { $0.name == name } })
        else {
            say("usage: Benchmarks BINARY [--quick] [\(benches.map(\.name).joined(separator: "|"))]…")
            exit(64)
        }
        let bench = Bench(
            binary: binary, rows: isQuick ? 100_000 : 1_000_000, longLoad: isQuick ? 20 : 300,
            seconds: isQuick ? 2 : 4, rounds: isQuick ? 1 : 3)
        var figures: [Figure] = []
        var hasFailed = false
        for (name, run) in benches where arguments.isEmpty || arguments.contains(name) {
            do {
                figures += try run(bench)
            } catch {
                // The others may still tell something.
                say("error: \(name): \(error)")
                hasFailed = true
            }
        }
        print(Report.text(figures, version: try version(binary)))
        if hasFailed { exit(1) }
    }

    private static func version(_ binary: String) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: binary)
        process.arguments = ["--version"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
