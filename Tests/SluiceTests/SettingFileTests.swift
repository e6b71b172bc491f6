import Foundation
import TestClient
import Testing

/// Files that editors of other platforms have written: line ends of two characters, a byte-order mark.
@Suite(.timeLimit(.minutes(1))) struct SettingFileTests {
    private static let mark = "\u{FEFF}"
    private static let token = String(repeating: "t0ken-", count: 8)

    @Test func `The first line of .env counts behind a byte-order mark too`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "version: 1\nfunctions:\n  f: {handler: {builtin: echo}, summary: \"${FIRST} ${SECOND}\"}\n",
            to: "functions.yaml")
        for content in [
            "FIRST=1\nSECOND=2\n", "\(Self.mark)FIRST=1\r\nSECOND=2\r\n", "\(Self.mark)export FIRST=1\nSECOND=2",
        ] {
            try folder.write(content, to: ".env")
            let run = try await Program.run(["check"], folder: folder)
            #expect(run.status == 0, "\(run)")
        }
        // A mark in front of what is not the first line is part of a name.
        try folder.write("SECOND=2\n\(Self.mark)FIRST=1\n", to: ".env")
        #expect(try await Program.run(["check"], folder: folder).status == 78)
    }

    @Test(arguments: ["\(token)", "\(token)\n", "\(token)\r\n", "\(mark)\(token)\r\n"])
    func `A secret's file may end with any line end`(_ content: String) async throws {
        let folder = try TemporaryFolder()
        try folder.write(content, to: "token")
        let server = try await ServerProcess(
            manifest: TestManifest.text, folder: folder,
            environment: ["SLUICE_ADMIN_TOKEN_FILE": folder.file("token")])
        let reply = try await server.get("/v1/manifest", headers: ["Authorization: Bearer \(Self.token)"])
        #expect(reply.status == 200)
    }

    @Test(arguments: ["", "\n", "\r\n", "\u{FEFF}"])
    func `A secret's file with nothing in it is refused by its name`(_ content: String) async throws {
        let folder = try TemporaryFolder()
        try folder.write(TestManifest.text, to: "functions.yaml")
        try folder.write(content, to: "token")
        let run = try await Program.run(
            ["serve"], folder: folder, environment: ["WEBHOOK_SECRET_FILE": folder.file("token")])
        #expect(run.status == 78 && run.error.contains("WEBHOOK_SECRET_FILE names"), "\(run)")
    }

    @Test func `An empty file that a secret refers to is warned of`() async throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "version: 1\nfunctions:\n  f:\n    handler:\n      http:\n        url: http://x/\n"
                + "        headers: {Authorization: \"Bearer ${file:token}\"}\n", to: "functions.yaml")
        try folder.write("\r\n", to: "token")
        let run = try await Program.run(["check"], folder: folder)
        #expect(run.status == 0, "\(run)")
        #expect("\(run.output)\(run.error)".contains("the file \"token\" is empty"), "\(run)")
        try folder.write("s3cret\r\n", to: "token")
        let full = try await Program.run(["check"], folder: folder)
        #expect(!"\(full.output)\(full.error)".contains("warning"), "\(full)")
    }
}
