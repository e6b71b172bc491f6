import Foundation
import Glibc
import TestClient
import Testing

private let isWanted = ProcessInfo.processInfo.environment["SLUICE_BARE_ROOT"] != nil

/// What `scripts/release` promises of the binary that it makes:
///
///     SLUICE_BARE_ROOT=1 SLUICE_BINARY="$(scripts/release)/sluice" scripts/test --filter ReleaseBinaryTests
@Suite(.enabled(if: isWanted, "SLUICE_BARE_ROOT is not set"), .timeLimit(.minutes(2)))
struct ReleaseBinaryTests {
    private let binary = Program.path(of: "sluice")

    @Test func `It has no run path and no symbol that is bound late`() throws {
        let entries = try output(of: "/usr/bin/readelf", "--dynamic", binary)
        #expect(entries.contains("(NEEDED)"))
        #expect(!entries.contains("RPATH") && !entries.contains("RUNPATH"), "\(entries)")
        #expect(entries.contains(/FLAGS.*(BIND_NOW|NOW)/), "\(entries)")
        #expect(try output(of: "/usr/bin/readelf", "--program-headers", binary).contains("GNU_RELRO"))
    }

    @Test func `It needs nothing but libraries of the system`() throws {
        for library in try BareRoot.libraries(of: binary) {
            #expect(library.hasPrefix("/lib") || library.hasPrefix("/usr/lib"), "\(library)")
            #expect(!library.lowercased().contains("swift") && !library.contains("libFoundation"), "\(library)")
        }
    }

    @Test func `It is stripped and has at most 60 MB; its symbols lie beside it`() throws {
        let size = try #require(try FileManager.default.attributesOfItem(atPath: binary)[.size] as? Int)
        #expect(size <= 60_000_000)
        let sections = try output(of: "/usr/bin/readelf", "--section-headers", "--wide", binary)
        #expect(!sections.contains(" .symtab ") && !sections.contains(" .debug_info "))
        #expect(sections.contains(" .gnu_debuglink "))
        #expect(
            try output(of: "/usr/bin/readelf", "--section-headers", "--wide", binary + ".debug").contains(" .symtab "))
    }

    @Test(.enabled(if: geteuid() == 0, "only root can change the root"))
    func `It serves in a root that holds nothing but its libraries`() async throws {
        let root = try BareRoot(of: binary)
        let version = try await root.run("--version")
        #expect(version.status == 0, "\(version)")
        #expect(version.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil, "\(version)")
        // What libcurl needs is in the root as well: the handler is a request that leaves.
        let target = try RawServer { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            peer.waitForClose()
        }
        let manifest = """
            version: 1
            functions:
              local: {handler: {builtin: echo}, endpoint: {auth: public}}
              remote: {handler: {http: {url: "\(target.url)/"}}, endpoint: {auth: public}}
            """
        try root.folder.write(manifest, to: "functions.yaml")
        let check = try await root.run("check")
        #expect(check.status == 0, "\(check)")
        #expect(check.output.contains("functions.yaml"), "\(check)")
        let server = try await ServerProcess(manifest: manifest, folder: root.folder, binary: root.program)
        for function in ["local", "remote"] {
            let url = try await server.accept("/api/v1/\(function)", #"{"a": 1}"#)
            #expect(try await server.end(of: url).status == 200, "\(function)")
        }
        #expect(target.connections == 1)
        server.signal(SIGTERM)
        #expect(try await server.waitForExit() == 0)
    }
}

/// A folder to be a root with a binary in it, the libraries that it names, and /proc: no shell, no /etc, no /dev.
private struct BareRoot {
    let folder: TemporaryFolder
    /// Runs the binary in the root that is its working folder.
    var program: String { folder.file("in-root") }

    init(of binary: String) throws {
        folder = try TemporaryFolder()
        for file in try Self.libraries(of: binary) {
            let copy = folder.path + file
            try FileManager.default.createDirectory(
                atPath: (copy as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            // Their names are links to files with longer ones.
            try FileManager.default.copyItem(
                atPath: URL(fileURLWithPath: file).resolvingSymlinksInPath().path, toPath: copy)
        }
        try FileManager.default.copyItem(
            atPath: URL(fileURLWithPath: binary).resolvingSymlinksInPath().path, toPath: folder.file("sluice"))
        // Swift reads a program's arguments from /proc. The mount goes away with the process that sees it.
        try FileManager.default.createDirectory(atPath: folder.file("proc"), withIntermediateDirectories: true)
        let script = """
            #!/bin/sh
            exec unshare --mount sh -c 'mount -t proc proc proc && exec /usr/sbin/chroot . /sluice "$@"' sh "$@"

            """
        try folder.write(script, to: "in-root")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    }

    /// The dynamic linker and all that it would load; throws when it would not find one.
    static func libraries(of binary: String) throws -> [String] {
        let text = try output(of: "/usr/bin/ldd", binary)
        guard !text.contains("not found") else { throw ServerProcess.Failure(description: text) }
        return text.matches(of: /(\/\S+) \(0x/).map { String($0.output.1) }
    }

    func run(_ arguments: String...) async throws -> (status: Int32, output: String) {
        let running = try Program(arguments, folder: folder, binary: program)
        return try await offPool {
            guard let status = running.waitForExit(seconds: 30) else {
                running.kill(SIGKILL)
                throw ServerProcess.Failure(description: "sluice \(arguments) did not end")
            }
            return (status, running.finalOutput() + running.standardError)
        }
    }
}

/// What a program prints that is over in a moment.
private func output(of program: String, _ arguments: String...) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
}
