import Foundation
import Glibc
internal import PayloadSchema
import Synchronization

/// The built binary, serving in a folder of its own.
package final class ServerProcess: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    package let port: Int
    package let pid: Int32
    package let folder: TemporaryFolder
    private let running: Program

    /// Starts `sluice serve` and returns when it is ready.
    ///
    /// - Parameters:
    ///   - manifest: the text of functions.yaml.
    ///   - command: serve or dev.
    ///   - folder: a former server's, to go on where it stopped.
    ///   - binary: another program that serves, by its settings in the environment.
    package init(
        manifest: String, folder: TemporaryFolder? = nil, environment: [String: String] = [:], seconds: Double = 20,
        command: String = "serve", binary: String = "sluice"
    ) async throws {
        let folder = try folder ?? TemporaryFolder()
        try folder.write(manifest, to: "functions.yaml")
        let running = try Program(
            [command, "--port", "0"], folder: folder,
            environment: command == "dev"
                ? environment : environment.merging(["LOG_FORMAT": "json"]) { own, _ in own },
            binary: binary)
        self.folder = folder
        self.running = running
        pid = running.pid
        port = try await offPool {
            guard let line = running.waitForError(containing: "sluice ready ", seconds: seconds) else {
                running.kill(SIGKILL)
                throw Failure(description: "not ready within \(seconds) s:\n\(running.standardError)")
            }
            guard let url = line.split(separator: " ").first(where: { $0.hasPrefix("http://") }),
                let port = url.split(separator: ":").last.flatMap({ Int($0) })
            else { throw Failure(description: "no port in: \(line)") }
            return port
        }
    }

    deinit { running.kill(SIGKILL) }

    package var log: String { running.standardError }

    /// False: nobody reads what it logs.
    package var readsLog: Bool {
        get { running.readsError }
        set { running.readsError = newValue }
    }

    package var adminToken: String {
        get throws {
            try String(contentsOfFile: folder.file("admin-token"), encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    package func signal(_ number: Int32) { running.kill(number) }

    /// The exit code, 128 + n after signal n.
    package func waitForExit(seconds: Double = 30) async throws -> Int32 {
        let running = running
        return try await offPool {
            guard let status = running.waitForExit(seconds: seconds) else {
                throw Failure(description: "still running after \(seconds) s")
            }
            return status
        }
    }

    package func waitForLog(_ text: String, seconds: Double = 10) async throws {
        let running = running
        try await offPool {
            guard running.waitForError(containing: text, seconds: seconds) != nil else {
                throw Failure(description: "never logged \"\(text)\":\n\(running.standardError)")
            }
        }
    }

    /// One request on a connection of its own.
    package func request(
        _ method: String, _ target: String, headers: [String] = [], body: [UInt8]? = nil, seconds: Double = 40
    ) async throws -> HTTPReply {
        let port = port
        return try await offPool {
            let connection = try RawConnection(port: port)
            var head = "\(method) \(target) HTTP/1.1\r\nHost: localhost:\(port)\r\nConnection: close\r\n"
            for header in headers { head += header + "\r\n" }
            if let body { head += "Content-Length: \(body.count)\r\n" }
            // A refusal may come before everything is sent.
            try? connection.send(Array((head + "\r\n").utf8) + (body ?? []))
            return try connection.response(seconds: seconds, toHead: method == "HEAD")
        }
    }

    package func get(_ target: String, headers: [String] = []) async throws -> HTTPReply {
        try await request("GET", target, headers: headers)
    }

    /// A figure of /metrics without labels; 0 when it is not there.
    package func metric(_ name: String) async throws -> Int {
        let line = try await get("/metrics").text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
        return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
    }

    package func post(_ target: String, _ json: String, headers: [String] = []) async throws -> HTTPReply {
        try await request(
            "POST", target, headers: ["Content-Type: application/json"] + headers, body: Array(json.utf8))
    }

    /// Long-polls a status URL until the job has ended.
    package func end(of statusURL: String, seconds: Double = 60) async throws -> HTTPReply {
        let limit = Date().addingTimeInterval(seconds)
        while Date() < limit {
            let reply = try await get(statusURL + "?wait=25")
            if let state = reply["sluice-job-state"], state != "pending", state != "inFlight" { return reply }
            if reply.status == 410 { return reply }
        }
        throw Failure(description: "\(statusURL) has not ended after \(seconds) s")
    }

    /// Accepts a job and returns its status URL.
    package func accept(_ path: String, _ json: String = "{}", headers: [String] = []) async throws -> String {
        let reply = try await post(path, json, headers: headers)
        guard reply.status == 202, let url = reply.json["statusUrl"]?.string else {
            throw Failure(description: "not accepted: \(reply.status) \(reply.text)")
        }
        return url
    }
}
