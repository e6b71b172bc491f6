import Foundation
import Glibc

/// A release binary, serving in a folder of its own.
final class Server {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let folder: String
    let port: Int
    let pid: Int32
    /// From the start of the process to its readiness line.
    let secondsToReady: Double
    private let process: Process
    private let ownsFolder: Bool

    /// - Parameters:
    ///   - folder: of a former server, to go on with its database.
    ///   - arguments: of the binary; its settings come from the environment.
    init(
        binary: String, arguments: [String] = ["serve"], manifest: String, folder former: String? = nil,
        environment: [String: String] = [:]
    ) throws {
        folder = former ?? Self.newFolder(beside: binary)
        ownsFolder = former == nil
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try manifest.write(toFile: folder + "/functions.yaml", atomically: true, encoding: .utf8)
        process = Process()
        process.executableURL = URL(fileURLWithPath: binary)
        process.arguments = arguments
        // Nothing of whoever runs this: a SLUICE_DATA of theirs would name their server's folder.
        process.environment = ["PATH": "/usr/bin:/bin", "HOME": folder, "PORT": "0", "LOG_LEVEL": "warning"]
            .merging(environment) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        let error = Pipe()
        process.standardError = error
        process.standardOutput = FileHandle.nullDevice
        let start = Clock.now()
        var secondsAtLine: Double?
        try process.run()
        pid = process.processIdentifier
        var text = ""
        while true {
            // Warnings may stand above the line, and the URL below it.
            let data = error.fileHandleForReading.availableData
            if !data.isEmpty, secondsAtLine == nil, data.range(of: Data("sluice ready".utf8)) != nil {
                secondsAtLine = Clock.now() - start
            }
            text += String(decoding: data, as: UTF8.self)
            if data.isEmpty || text.suffix(2000).contains(/sluice ready http[^\n]*\n/) { break }
        }
        secondsToReady = secondsAtLine ?? Clock.now() - start
        guard let match = text.firstMatch(of: /http:\/\/127\.0\.0\.1:(\d+)/), let port = Int(match.output.1) else {
            throw Failure(description: "the server did not start: \(text)")
        }
        self.port = port
    }

    /// On the disk that the binary lies on: a temporary folder may be memory, where an fsync costs nothing.
    static func newFolder(beside binary: String) -> String {
        URL(fileURLWithPath: binary).deletingLastPathComponent().appendingPathComponent(
            "benchmark-\(UUID().uuidString)"
        ).path
    }

    /// SIGTERM, and waits for the end.
    func stop(removing: Bool = true) {
        kill(pid, SIGTERM)
        process.waitUntilExit()
        if removing { try? FileManager.default.removeItem(atPath: folder) }
    }

    /// Seconds of CPU that the process has used, in user and kernel.
    var cpuSeconds: Double {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = text.lastIndex(of: ")")
        else { return 0 }
        let fields = text[end...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Megabytes (2^20) of resident memory: all of it, and the part that is not a file.
    var memory: (resident: Double, anonymous: Double) {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        func kilobytes(_ name: String) -> Double {
            let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
            return line?.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
        }
        return (kilobytes("VmRSS") / 1024, kilobytes("RssAnon") / 1024)
    }

    var token: String {
        ((try? String(contentsOfFile: folder + "/admin-token", encoding: .utf8)) ?? "")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Sums of all samples of each family, and of histograms their `_sum` and `_count`.
    func metrics() throws -> [String: Double] {
        var sums: [String: Double] = [:]
        for line in try call("GET", "/metrics").split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                continue
            }
            let name = String(line[..<space].prefix { $0 != "{" })
            sums[name, default: 0] += value
        }
        return sums
    }

    /// The body of an answer; one request on a connection of its own, with the admin token unless nobody is to own the job.
    @discardableResult func call(
        _ method: String, _ path: String, body: String? = nil, asNobody: Bool = false
    ) throws -> String {
        let socket = try Socket(port: port)
        defer { socket.close() }
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost:\(port)\r\nConnection: close\r\n"
        if !asNobody { head += "Authorization: Bearer \(token)\r\n" }
        if let body { head += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
        try socket.send(Array((head + "\r\n" + (body ?? "")).utf8))
        let answer = String(decoding: try socket.readToEnd(), as: UTF8.self)
        guard let end = answer.range(of: "\r\n\r\n") else { throw Failure(description: "no answer to \(path)") }
        return String(answer[end.upperBound...])
    }

    /// Waits until a sum of /metrics is this.
    func wait(_ metric: String, _ condition: (Double) -> Bool, seconds: Double = 600) throws {
        let limit = Clock.now() + seconds
        while !condition(try metrics()[metric] ?? 0) {
            guard Clock.now() < limit else { throw Failure(description: "\(metric) did not come in \(seconds) s") }
            usleep(20_000)
        }
    }
}

enum Clock {
    /// Seconds of a monotonic clock.
    static func now() -> Double { Double(nanoseconds()) / 1e9 }

    static func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
