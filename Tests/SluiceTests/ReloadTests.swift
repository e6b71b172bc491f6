import Foundation
import Glibc
import PayloadSchema
import Synchronization
import TestClient
import Testing

/// The manifest of a running server changes, in every way in which files do.
@Suite(.timeLimit(.minutes(3))) struct ReloadTests {
    static func manifest(_ marker: String, extra: String = "") -> String {
        """
        version: 1
        functions:
          fast:
            summary: \(marker)
            handler: {builtin: echo, simulate: {duration: 0s}}
            endpoint: {auth: public}
        \(extra)
        server: {minFreeSpace: 0B}
        """
    }

    /// Waits until the server has taken a manifest, or until its file is told as broken.
    static func wait(
        _ server: ServerProcess, seconds: Double = 10, until condition: (JSONValue) -> Bool
    ) async throws -> JSONValue {
        let limit = Date().addingTimeInterval(seconds)
        while true {
            let status = try await status(server)
            if condition(status) { return status }
            guard Date() < limit else {
                throw ServerProcess.Failure(description: "still \(status.text)\n\(server.log)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    static func admin(_ server: ServerProcess) throws -> String {
        let token = try String(contentsOfFile: server.folder.file("admin-token"), encoding: .utf8)
        return "Authorization: Bearer \(token.trimmingCharacters(in: .whitespacesAndNewlines))"
    }

    static func status(_ server: ServerProcess) async throws -> JSONValue {
        try await server.get("/v1/manifest", headers: [try admin(server)]).json
    }

    /// What the function that every manifest here has says about itself.
    static func marker(_ server: ServerProcess) async throws -> String? {
        let functions = try await server.get("/v1/functions", headers: [try admin(server)])
        guard case .array(let rows)? = functions.json["functions"] else { return nil }
        return rows.first { $0["name"] == "fast" }?["summary"]?.string
    }

    private static func wait(_ server: ServerProcess, forMarker text: String, seconds: Double = 10) async throws {
        let limit = Date().addingTimeInterval(seconds)
        while try await marker(server) != text {
            guard Date() < limit else {
                throw ServerProcess.Failure(description: "\(text) never came into force\n\(server.log)")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    private static func waitBroken(_ server: ServerProcess) async throws -> String {
        let status = try await wait(server) { $0["lastError"] != .null }
        return status.value(at: ["lastError", "summary"])?.string ?? ""
    }

    /// A way in which a file comes to have new content.
    struct Way: Sendable, CustomTestStringConvertible {
        var name: String
        var replace: @Sendable (TemporaryFolder, String) throws -> Void
        var testDescription: String { name }

        init(_ name: String, _ replace: @escaping @Sendable (TemporaryFolder, String) throws -> Void) {
            self.name = name
            self.replace = replace
        }
    }

    private static func put(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    private static func shell(_ script: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-ec", script]
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw ServerProcess.Failure(description: "failed: \(script)") }
    }

    static let ways: [Way] = [
        Way("written in place") { folder, text in
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.file("functions.yaml")))
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: Data(text.utf8))
            try handle.close()
        },
        Way("written beside and renamed") { folder, text in
            try put(text, folder.file(".functions.yaml.swp"))
            guard rename(folder.file(".functions.yaml.swp"), folder.file("functions.yaml")) == 0 else {
                throw POSIXError(.EIO)
            }
        },
        Way("removed and made anew") { folder, text in
            unlink(folder.file("functions.yaml"))
            usleep(50_000)
            let handle = open(folder.file("functions.yaml"), O_WRONLY | O_CREAT | O_EXCL, 0o644)
            _ = Array(text.utf8).withUnsafeBytes { write(handle, $0.baseAddress, $0.count) }
            close(handle)
        },
        Way("truncated first, written in pieces") { folder, text in
            let handle = open(folder.file("functions.yaml"), O_WRONLY | O_TRUNC)
            for byte in Array(text.utf8).chunked(16) {
                _ = byte.withUnsafeBytes { write(handle, $0.baseAddress, $0.count) }
                usleep(2000)
            }
            close(handle)
        },
        Way("replaced by a link") { folder, text in
            try put(text, folder.file("other.yaml"))
            try shell(
                "ln -sf other.yaml '\(folder.path)/link.new' && mv -T '\(folder.path)/link.new' '\(folder.path)/functions.yaml'"
            )
        },
        Way("moved away as a backup, as vim does") { folder, text in
            try shell("mv '\(folder.path)/functions.yaml' '\(folder.path)/functions.yaml~'")
            try put(text, folder.file("functions.yaml"))
        },
        Way("moved in from another file system") { folder, text in
            let other = "/dev/shm/sluice-\(UUID().uuidString).yaml"
            try put(text, other)
            try shell("mv '\(other)' '\(folder.path)/functions.yaml'")
        },
    ]

    @Test(arguments: ways)
    func `New content is in force however it came`(_ way: Way) async throws {
        let server = try await ServerProcess(manifest: Self.manifest("first"))
        for round in 1...3 {
            try way.replace(server.folder, Self.manifest("round \(round)"))
            try await Self.wait(server, forMarker: "round \(round)")
        }
        #expect(try await Self.status(server)["lastError"] == .null)
    }

    @Test func `A link that is swapped, and what it leads to`() async throws {
        // As a Kubernetes volume: functions.yaml -> ..data/functions.yaml, ..data -> ..1
        let folder = try TemporaryFolder()
        for name in ["..1", "..2"] {
            try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: false)
            try Self.put(Self.manifest(name), folder.file("\(name)/functions.yaml"))
        }
        try Self.shell(
            "cd '\(folder.path)' && ln -s ..1 ..data && mkdir conf && ln -s ../..data/functions.yaml conf/functions.yaml"
        )
        let server = try await ServerProcess(
            manifest: "version: 1\n", folder: folder,
            environment: ["SLUICE_MANIFEST": "conf/functions.yaml", "SLUICE_DATA": folder.path])
        #expect(try await Self.marker(server) == "..1")
        try Self.shell("cd '\(folder.path)' && ln -s ..2 ..tmp && mv -T ..tmp ..data")
        try await Self.wait(server, forMarker: "..2")
        // The file behind the links.
        try Self.put(Self.manifest("behind"), folder.file("..2/functions.yaml"))
        try await Self.wait(server, forMarker: "behind")
    }

    @Test func `A folder that is swapped`() async throws {
        let folder = try TemporaryFolder()
        try Self.shell("cd '\(folder.path)' && mkdir conf next")
        try Self.put(Self.manifest("old"), folder.file("conf/functions.yaml"))
        try Self.put(Self.manifest("new"), folder.file("next/functions.yaml"))
        let server = try await ServerProcess(
            manifest: "version: 1\n", folder: folder,
            environment: ["SLUICE_MANIFEST": "conf/functions.yaml", "SLUICE_DATA": folder.path])
        try Self.shell("cd '\(folder.path)' && mv conf gone && mv next conf")
        try await Self.wait(server, forMarker: "new")
        try Self.put(Self.manifest("newer"), folder.file("conf/functions.yaml"))
        try await Self.wait(server, forMarker: "newer")
    }

    @Test func `What is gone, unreadable, a folder or half a file leaves the last good revision in force`() async throws
    {
        let server = try await ServerProcess(manifest: Self.manifest("good"))
        let path = server.folder.file("functions.yaml")
        let revision = try await Self.status(server)["revision"]

        unlink(path)
        #expect(try await Self.waitBroken(server).contains("there is no such file"))
        #expect(try await server.get("/readyz").status == 200)
        #expect(try await server.post("/api/v1/fast", "{}").status == 202)
        try Self.put(Self.manifest("good"), path)
        _ = try await Self.wait(server) { $0["lastError"] == .null && $0["revision"] == revision }

        try Self.shell("rm '\(path)' && mkdir '\(path)'")
        #expect(try await Self.waitBroken(server).contains("it cannot be read"))
        try Self.shell("rmdir '\(path)' && mkfifo '\(path)'")
        _ = try await Self.wait(server) {
            $0.value(at: ["lastError", "summary"])?.string?.contains("it is not a regular file") == true
        }
        try Self.shell("rm '\(path)' && head -c 3000000 /dev/zero | tr '\\0' '#' > '\(path)'")
        _ = try await Self.wait(server) {
            $0.value(at: ["lastError", "summary"])?.string?.contains("the file is too large") == true
        }
        try Self.put("version: 1\nfunctions:\n  fast:\n    hand", path)
        _ = try await Self.wait(server) { $0.value(at: ["lastError", "problems", "0", "line"]) == 4 }
        #expect(try await Self.marker(server) == "good")
        let metrics = try await server.get("/metrics").text
        #expect(metrics.contains("sluice_manifest_broken 1"))
        let shown = try await Program.run(["status"], folder: server.folder)
        #expect(
            shown.output.contains("functions.yaml is not in force, the last good revision is: line 4"),
            "\(shown.output)")

        try Self.put(Self.manifest("better"), path)
        try await Self.wait(server, forMarker: "better")
        #expect(try await server.get("/metrics").text.contains("sluice_manifest_broken 0"))
        // Whoever is root reads everything.
        guard getuid() != 0 else { return }
        chmod(path, 0)
        #expect(try await Self.waitBroken(server).contains("it cannot be read"))
        chmod(path, 0o644)
        _ = try await Self.wait(server) { $0["lastError"] == .null }
    }

    @Test func `Files that it refers to are watched, and the .env beside it`() async throws {
        let folder = try TemporaryFolder()
        try folder.write("file", to: "note.txt")
        try folder.write("NOTE=environment", to: ".env")
        let text = """
            version: 1
            functions:
              fast: {handler: {builtin: echo}, endpoint: {auth: public, path: "${file:note.txt}/${NOTE}"}}
            """
        let server = try await ServerProcess(manifest: text, folder: folder)
        func wait(forPath path: String) async throws {
            let limit = Date().addingTimeInterval(10)
            while try await server.post("/api/v1/\(path)", "{}").status != 202 {
                guard Date() < limit else { throw ServerProcess.Failure(description: "no \(path)\n\(server.log)") }
            }
        }
        try await wait(forPath: "file/environment")
        try folder.write("changed", to: "note.txt")
        try await wait(forPath: "changed/environment")
        try folder.write("NOTE=changed-too", to: ".env")
        try await wait(forPath: "changed/changed-too")
        // What a new manifest refers to may come later than the manifest.
        try folder.write(text.replacing("note.txt", with: "later.txt"), to: "functions.yaml")
        #expect(try await Self.waitBroken(server).contains("cannot read the file \"later.txt\""))
        try folder.write("late", to: "later.txt")
        try await wait(forPath: "late/changed-too")
    }

    /// CONTRACT 3: what a reference stands for is in no message, log line or answer.
    @Test(arguments: ["serve", "dev"])
    func `What references stand for is told by nobody, and a manifest from the network reads nothing`(
        _ command: String
    ) async throws {
        let mark = "s3cr3t-mark"
        let folder = try TemporaryFolder()
        try folder.write("MARK=\(mark)\nOTHER=\(mark)-other\nSPAN=73191s\n", to: ".env")
        try folder.write("\(mark)\n\(mark)-second-line", to: "lines.txt")
        func manifest(_ body: String) -> String {
            """
            version: 1
            functions:
              fast:
                handler: {builtin: echo, simulate: {duration: 0s}}
                endpoint: {auth: public}
            \(body)
            """
        }
        let right = """
                summary: "${MARK} ${file:lines.txt}"
                maxWait: "${SPAN}"
            """
        let server = try await ServerProcess(
            manifest: manifest("    summary: first"), folder: folder, environment: ["LOG_LEVEL": "trace"],
            command: command)
        var said = ""
        func note(_ what: [String]) { said += what.joined(separator: "\n") + "\n" }
        func ask(_ arguments: String...) async throws -> (status: Int32, output: String, error: String) {
            let run = try await Program.run(arguments, folder: folder)
            note([run.output, run.error])
            return run
        }
        func dry(_ text: String) async throws -> HTTPReply {
            let reply = try await server.request(
                "POST", "/v1/reload?dryRun=true", headers: [try Self.admin(server)], body: Array(text.utf8))
            note([reply.text])
            return reply
        }
        // What is not in force is not read for the network, ...
        for reference in ["MARK", "OTHER:-x", "file:lines.txt", "file:/proc/self/environ", "file:server-key"] {
            let refused = try await dry(manifest("    timeout: \"${\(reference)}\""))
            #expect(refused.status == 422 && refused.text.contains("is not read"), "\(refused.text)")
        }
        // ... a dry run of the file reads it, ...
        try folder.write(manifest(right), to: "functions.yaml")
        _ = try await ask("check")
        _ = try await ask("reload", "--dry-run", "--json")
        #expect(try await ask("reload").status == 0)
        // ... and what is in force stands for the same.
        let url = "http://127.0.0.1:\(server.port)"
        let same = try await ask("check", "--against", url)
        #expect(same.status == 0 && same.output.contains("nothing would change"), "\(same)")
        let next = try await dry(manifest("    summary: \"${MARK}\"\n    timeout: \"${SPAN}\""))
        #expect(next.status == 200 && next.text.contains("timeout 30s → ${SPAN}"), "\(next.text)")
        _ = try await dry(manifest("    timeout: \"${MARK}\"\n    retry: {attempts: \"${SPAN}\"}"))
        for wrong in ["timeout: \"${MARK}\"", "priority: \"${file:lines.txt}\"", "retry: {backoff: \"${OTHER}\"}"] {
            try folder.write(manifest("    \(wrong)"), to: "functions.yaml")
            #expect(try await ask("reload").status == 78)
            for format in ["human", "json", "github"] {
                #expect(try await ask("check", "--format", format).status == 78)
            }
            _ = try await ask("status")
            _ = try await ask("status", "--json")
            note([try await Self.status(server).text])
        }
        note([server.log, try await server.get("/v1/functions", headers: [try Self.admin(server)]).text])
        for form in [mark, "73191", "second-line"] { #expect(!said.contains(form), "\(said)") }
    }

    @Test func `SIGHUP, the command and the route reload, and say what changed`() async throws {
        let server = try await ServerProcess(manifest: Self.manifest("one"))
        let unchanged = try await Program.run(["reload"], folder: server.folder)
        #expect(
            unchanged.output.wholeMatch(of: /unchanged, revision \w{12}, in force since \S+Z\n/) != nil, "\(unchanged)")
        server.signal(SIGHUP)

        try server.folder.write(Self.manifest("two", extra: "  more: {handler: {builtin: echo}}"), to: "next.yaml")
        let check = try await Program.run(
            ["check", "next.yaml", "--against", "http://127.0.0.1:\(server.port)"], folder: server.folder)
        #expect(check.status == 0)
        #expect(check.output.contains("would reload"), "\(check)")
        #expect(check.output.contains("  fast: summary one → two\n"), "\(check)")
        #expect(check.output.contains("  more: added\n"), "\(check)")
        #expect(try await Self.marker(server) == "one")

        let dry = try await server.request(
            "POST", "/v1/reload?dryRun=true", headers: [try Self.admin(server)],
            body: Array(Self.manifest("three").utf8))
        #expect(dry.json["result"] == "checked" && dry.json.value(at: ["changed", "0", "function"]) == "fast")
        #expect(dry.json.value(at: ["changed", "0", "fields", "0", "after"]) == "three")
        let wrong = try await server.request(
            "POST", "/v1/reload?dryRun=true", headers: [try Self.admin(server)],
            body: Array("version: 1\nfunctions: {f: {handler: {builtin: ecko}}}".utf8))
        #expect(wrong.status == 422 && wrong.json["title"] == "Manifest refused")
        #expect(wrong.json["text"]?.string?.contains("did you mean \"echo\"?") == true)
        #expect(wrong.json.value(at: ["errors", "0", "line"]) == 2)
        for (query, body) in [("?dryRun=yes", ""), ("?dry=true", ""), ("", "version: 1")] {
            let reply = try await server.request(
                "POST", "/v1/reload\(query)", headers: [try Self.admin(server)], body: Array(body.utf8))
            #expect(reply.status == 400, "\(query)")
        }
        try server.folder.write("version: 2", to: "functions.yaml")
        let refused = try await Program.run(["reload"], folder: server.folder)
        #expect(refused.status == 78)
        #expect(refused.error.contains("functions.yaml:1:10: error: version: version 2 is unknown"), "\(refused)")
        #expect(try await server.post("/api/v1/fast", "{}").status == 202)
    }

    @Test func `Jobs of a function that is gone wait, are told as blocked, and go on when it returns`() async throws {
        let gone = """
              gone:
                handler: {builtin: generate-report, simulate: {duration: 0s}}
                endpoint: {auth: public, path: "old/reports", redirect: "{result.reportUrl}", statusCodes: {pending: 200}}
                paused: true
            """
        let with = Self.manifest("with", extra: gone)
        let server = try await ServerProcess(manifest: with)
        let isLong = ProcessInfo.processInfo.environment["SLUICE_LONG_TESTS"] != nil
        let count = isLong ? 10_000 : 300
        var urls: [String] = []
        for _ in 0..<count { urls.append(try await server.accept("/api/v1/old/reports")) }
        try server.folder.write(Self.manifest("without"), to: "functions.yaml")
        try await Self.wait(server, forMarker: "without")
        try await server.waitForLog("gone: removed; \(count) queued jobs wait, blocked")
        // Only the endpoint is gone; the jobs are answered as they were.
        #expect(try await server.post("/api/v1/old/reports", "{}").status == 404)
        let waiting = try await server.get(urls[0])
        #expect(waiting.status == 200 && waiting.json["state"] == "pending")
        let id = String(urls[0].split(separator: "/").last ?? "")
        let shown = try await Program.run(["jobs", "show", id], folder: server.folder)
        #expect(shown.output.contains("waits: no function gone is declared; it waits until one is"), "\(shown)")
        // The others are not held up.
        #expect(try await server.end(of: try await server.accept("/api/v1/fast")).status == 200)

        try server.folder.write(with.replacing("    paused: true", with: "    paused: false"), to: "functions.yaml")
        for url in urls {
            let end = try await server.end(of: url)
            #expect(end.status == 303 && end.json["attempts"] == 1)
        }
    }

    @Test func `Status URLs outlive a base path, limits change at once`() async throws {
        let slow = """
              slow:
                handler: {builtin: echo, simulate: {duration: 2s}}
                endpoint: {auth: public}
                concurrency: 1
            """
        let server = try await ServerProcess(manifest: Self.manifest("one", extra: slow))
        var urls: [String] = []
        for _ in 0..<6 { urls.append(try await server.accept("/api/v1/slow")) }
        let next = Self.manifest("two", extra: slow.replacing("concurrency: 1", with: "concurrency: 6"))
            .replacing("server: {", with: "server: {basePath: /jobs, maxPayload: 10B, ")
        try server.folder.write(next, to: "functions.yaml")
        try await Self.wait(server, forMarker: "two")
        // All that wait start now, beside the one that runs.
        let limit = Date().addingTimeInterval(10)
        var running = 0
        while running < 5, Date() < limit {
            running = Int(
                try await server.get("/v1/async/status", headers: [try Self.admin(server)])
                    .json["processingTasks"]?.integer ?? 0)
        }
        #expect(running >= 5)
        #expect(try await server.post("/api/v1/fast", "{}").status == 404)
        #expect(try await server.post("/jobs/fast", "{}").status == 202)
        #expect(try await server.post("/jobs/fast", "[1,2,3,4,5,6,7]").status == 413)
        for url in urls { #expect(try await server.end(of: url).status == 200) }
    }

    @Test func `An attempt ends under the revision that it began with`() async throws {
        let text = """
            version: 1
            functions:
              fast: {summary: one, handler: {builtin: echo}, endpoint: {auth: public}}
              slow:
                handler: {builtin: echo, simulate: {duration: 1500ms}}
                endpoint: {auth: public}
                retry: {attempts: 2, delay: 0s}
            """
        let server = try await ServerProcess(manifest: text)
        let first = try await Self.status(server)["revision"]
        let url = try await server.accept("/api/v1/slow")
        _ = try await server.get(url + "?wait=5")
        try server.folder.write(
            text.replacing("summary: one", with: "summary: two").replacing("attempts: 2", with: "attempts: 5")
                .replacing("1500ms", with: "100ms, status: 500"), to: "functions.yaml")
        try await Self.wait(server, forMarker: "two")
        let second = try await Self.status(server)["revision"]
        let end = try await server.end(of: url)
        #expect(end.status == 200 && end.json["attempts"] == 1)
        let later = try await server.end(of: try await server.accept("/api/v1/slow"))
        #expect(later.json["state"] == "deadLetter" && later.json["attempts"] == 5)
        func revisions(_ url: String, _ key: String...) async throws -> JSONValue? {
            let id = url.split(separator: "/").last ?? ""
            return try await server.get("/v1/tasks/\(id)", headers: [try Self.admin(server)]).json.value(
                at: ["task"] + key)
        }
        #expect(try await revisions(url, "manifestRevision") == first)
        #expect(try await revisions(url, "attempts", "0", "manifestRevision") == first)
        #expect(first != second)
    }
}

extension Array {
    fileprivate func chunked(_ size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
