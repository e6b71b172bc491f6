import Foundation
import Glibc
import ServerHost
import TestClient
import Testing

/// Where the command line goes, and whom it gives a token.
@Suite(.timeLimit(.minutes(2))) struct AnnouncedServerTests {
    private static let token = String(repeating: "t", count: 40)
    private static let given = String(repeating: "g", count: 40)

    /// Answers everything, and notes what it was asked.
    private static func server() throws -> RawServer {
        try RawServer { peer in
            try peer.request()
            try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        }
    }

    private static func folder(url: String?) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        if let url { try folder.write(#"{"url":"\#(url)","pid":1}"#, to: "server.json") }
        try folder.write(token + "\n", to: "admin-token")
        for name in ["server.json", "admin-token"] { chmod(folder.file(name), 0o600) }
        return folder
    }

    private static func ask(
        in folder: TemporaryFolder, _ arguments: [String] = [], _ environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String, error: String) {
        try await Program.run(["account", "list", "--json"] + arguments, folder: folder, environment: environment)
    }

    @Test func `The folder's token goes to the folder's server`() async throws {
        let server = try Self.server()
        let folder = try Self.folder(url: server.url)
        #expect(try await Self.ask(in: folder).status == 0)
        #expect(try await Self.ask(in: folder, ["--server", "http://localhost:\(server.port)/"]).status == 0)
        #expect(try await Self.ask(in: try TemporaryFolder(), ["--data", folder.path]).status == 0)
        #expect(server.requests.count == 3 && server.requests.allSatisfy { $0.contains("Bearer \(Self.token)\r\n") })
    }

    @Test func `And nowhere else`() async throws {
        let server = try Self.server()
        let folder = try Self.folder(url: "http://127.0.0.1:1")
        for (arguments, environment) in [
            (["--server", server.url], [:]), (["--server", server.url, "--data", folder.path], [:]),
            ([], ["SLUICE_URL": server.url]), ([], ["SLUICE_URL": server.url, "SLUICE_DATA": folder.path]),
        ] as [([String], [String: String])] {
            #expect(try await Self.ask(in: folder, arguments, environment).status == 0)
        }
        #expect(server.requests.count == 4 && !server.requests.contains { $0.contains("Authorization") })
    }

    @Test(arguments: ["SLUICE_TOKEN", "SLUICE_ADMIN_TOKEN"])
    func `A token that is given goes where its giver says, and to the server of this machine`(_ name: String)
        async throws
    {
        let server = try Self.server()
        let empty = try TemporaryFolder()
        let environment = [name: Self.given]
        #expect(try await Self.ask(in: empty, ["--server", server.url], environment).status == 0)
        #expect(try await Self.ask(in: try Self.folder(url: server.url), [], environment).status == 0)
        #expect(server.requests.count == 2 && server.requests.allSatisfy { $0.contains("Bearer \(Self.given)\r\n") })
    }

    @Test func `SLUICE_TOKEN comes first, and an empty one is none`() async throws {
        let server = try Self.server()
        let folder = try Self.folder(url: server.url)
        _ = try await Self.ask(in: folder, [], ["SLUICE_TOKEN": Self.given, "SLUICE_ADMIN_TOKEN": "other"])
        _ = try await Self.ask(in: folder, [], ["SLUICE_TOKEN": "", "SLUICE_ADMIN_TOKEN": ""])
        #expect(server.requests.first?.contains("Bearer \(Self.given)") == true)
        #expect(server.requests.last?.contains("Bearer \(Self.token)") == true)
    }

    @Test(arguments: [
        "http://192.0.2.1:3000", "http://example.com", "https://127.0.0.1:3000", "http://127.0.0.1@192.0.2.1/",
        "http://127.0.0.1.example.com/", "http://user:x@127.0.0.1/", "file:///etc/passwd", "http://0.0.0.0:3000", "",
        "http://[::ffff:192.0.2.1]:80", "//127.0.0.1", "http://127.0.0.1:3000:80",
    ])
    func `A server.json that names another machine is not believed`(_ url: String) async throws {
        for environment in [[:], ["SLUICE_TOKEN": Self.given]] {
            let run = try await Self.ask(in: try Self.folder(url: url), [], environment)
            #expect(run.status == 77 && run.error.contains("server.json names"), "\(run)")
            #expect(!run.error.contains(Self.token) && !run.error.contains(Self.given))
        }
    }

    @Test(arguments: ["http://127.0.0.1:3000", "http://127.1.2.3:1", "http://localhost:3000", "http://[::1]:3000"])
    func `Loopback has many names`(_ url: String) throws {
        let folder = try Self.folder(url: url)
        #expect(try AnnouncedServer(in: folder.path)?.url == url)
    }

    @Test(arguments: ["server.json", "admin-token"]) func `A link is not followed`(_ name: String) async throws {
        let server = try Self.server()
        let folder = try Self.folder(url: server.url)
        rename(folder.file(name), folder.file("elsewhere"))
        symlink("elsewhere", folder.file(name))
        let run = try await Self.ask(in: folder)
        #expect(run.status == 77 && run.error.contains("\(name) is a symbolic link"), "\(run)")
        #expect(server.requests.isEmpty)
    }

    @Test(
        arguments: [
            ("server.json", 0o602), ("server.json", 0o620), ("admin-token", 0o602), ("admin-token", 0o640),
            ("admin-token", 0o604),
        ]
            as [(String, mode_t)])
    func `What others can write is not believed, nor a token that others can read`(_ name: String, _ mode: mode_t)
        async throws
    {
        let server = try Self.server()
        let folder = try Self.folder(url: server.url)
        chmod(folder.file(name), mode)
        let run = try await Self.ask(in: folder)
        #expect(run.status == 77 && run.error.contains("chmod 600"), "\(run)")
        #expect(server.requests.isEmpty)
        // Whoever names the server and brings a token needs neither.
        let named = try await Self.ask(in: folder, ["--server", server.url], ["SLUICE_TOKEN": Self.given])
        #expect(named.status == 0, "\(named)")
    }

    @Test(.enabled(if: geteuid() == 0, "only root gives files away"), arguments: ["server.json", "admin-token"])
    func `What belongs to another user is not believed`(_ name: String) async throws {
        let server = try Self.server()
        let folder = try Self.folder(url: server.url)
        chown(folder.file(name), 65_534, 65_534)
        let run = try await Self.ask(in: folder)
        #expect(run.status == 77 && run.error.contains("run this as that user"), "\(run)")
        #expect(server.requests.isEmpty)
    }

    @Test func `A server.json that others can only read is as good`() async throws {
        let server = try Self.server()
        let folder = try Self.folder(url: server.url)
        chmod(folder.file("server.json"), 0o644)
        #expect(try await Self.ask(in: folder).status == 0)
    }

    @Test(arguments: [301, 302, 303, 307, 308]) func `A redirect carries nothing anywhere`(_ status: Int) async throws {
        let elsewhere = try Self.server()
        let server = try RawServer { peer in
            try peer.request()
            try peer.send(
                "HTTP/1.1 \(status) Moved\r\nLocation: \(elsewhere.url)/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        }
        let folder = try Self.folder(url: server.url)
        let run = try await Self.ask(in: folder)
        #expect(run.status == 1 && run.error.contains("the server answered \(status)"), "\(run)")
        #expect(server.requests.count == 1 && elsewhere.connections == 0)
    }

    @Test func `check --against goes by the same rules`() async throws {
        let server = try Self.server()
        let folder = try Self.folder(url: "http://127.0.0.1:1")
        try folder.write("version: 1\n", to: "functions.yaml")
        _ = try await Program.run(["check", "--against", server.url], folder: folder)
        #expect(server.requests.count == 1 && server.requests.first?.contains("Authorization") == false)
    }
}
