import Glibc
import PayloadSchema
import TestClient
import Testing

@Suite struct CheckTests {
    private func check(_ manifest: String, _ arguments: [String] = []) async throws -> (
        status: Int32, output: String, error: String
    ) {
        let folder = try TemporaryFolder()
        try folder.write(manifest, to: "functions.yaml")
        return try await Program.run(["check"] + arguments, folder: folder)
    }

    @Test func `A right manifest is ok`() async throws {
        let run = try await check(TestManifest.text)
        #expect(run.status == 0)
        #expect(run.output.hasPrefix("functions.yaml: ok, 14 functions, revision "))
    }

    @Test func `A wrong one is shown as the contract does`() async throws {
        let manifest = """
            version: 1
            functions:
              send-email:
                handler: {builtin: echo}
                retry:
                  backoff: exponental
            """
        let run = try await check(manifest)
        #expect(run.status == 78)
        #expect(
            run.error == """
                functions.yaml:6:16: error: functions.send-email.retry.backoff: unknown value "exponental"
                    6 |       backoff: exponental
                      |                ^^^^^^^^^^
                      = help: did you mean "exponential"? one of: fixed, linear, exponential

                """)
    }

    @Test func `For machines there is one object`() async throws {
        let good = try JSONParser.parse(try await check(TestManifest.text, ["--json"]).output)
        #expect(good["ok"] == true)
        let run = try await check("version: 2\nfunctions: {}\nnosuch: 1\n", ["--json"])
        #expect(run.status == 78)
        let bad = try JSONParser.parse(run.output)
        #expect(bad["ok"] == false)
        #expect(bad.value(at: ["problems", "0", "line"]) == 1)
        #expect(bad.value(at: ["problems", "1", "message"]) == "nosuch: unknown key")
    }

    @Test func `A file that is not there is a clear error`() async throws {
        let run = try await Program.run(["check", "nowhere.yaml"], folder: try TemporaryFolder())
        #expect(run.status == 78)
        #expect(run.error.contains("there is no such file; name another: sluice check path/to/functions.yaml"))
        let serve = try await Program.run(["serve"], folder: try TemporaryFolder())
        #expect(serve.status == 78)
        #expect(serve.error.contains("there is no such file; name another with --manifest or SLUICE_MANIFEST"))
    }

    @Test(arguments: ["serve", "check"])
    func `What cannot be read beside the manifest is refused, not waited for`(_ command: String) async throws {
        let folder = try TemporaryFolder()
        try folder.write(TestManifest.text, to: "functions.yaml")
        let dotEnv = folder.file(".env")
        mkfifo(dotEnv, 0o600)
        let pipe = try await Program.run([command], folder: folder)
        #expect(
            pipe.status == 78 && pipe.error.contains(".env beside the manifest: it is not a regular file"), "\(pipe)")
        unlink(dotEnv)
        symlink("/dev/zero", dotEnv)
        let endless = try await Program.run([command], folder: folder)
        #expect(endless.status == 78 && endless.error.contains("it is not a regular file"), "\(endless)")
        unlink(dotEnv)
        // A folder of that name is another tool's.
        mkdir(dotEnv, 0o700)
        #expect(try await Program.run(["check"], folder: folder).status == 0)
    }

    @Test func `A file reference to a pipe or to something endless is an error with its line`() async throws {
        let folder = try TemporaryFolder()
        mkfifo(folder.file("pipe"), 0o600)
        for file in ["pipe", "/dev/zero"] {
            let manifest = "version: 1\nfunctions:\n  f: {handler: {http: {url: \"http://x/${file:\(file)}\"}}}\n"
            try folder.write(manifest, to: "functions.yaml")
            let run = try await Program.run(["check"], folder: folder)
            #expect(run.status == 78 && run.error.contains("functions.yaml:3:"), "\(run)")
            #expect(run.error.contains("is not a regular file"), "\(run)")
        }
    }

    @Test func `Warnings are mistakes for those who are strict`() async throws {
        let open = "version: 1\nfunctions:\n  f: {handler: {builtin: echo}, endpoint: {auth: public}}\n"
        let usual = try await check(open)
        #expect(usual.status == 0 && usual.output.contains("ok, 1 function"), "\(usual)")
        #expect(usual.error.contains("3:50: warning: functions.f.endpoint.auth: anybody may call it"), "\(usual)")
        let strict = try await check(open, ["--strict"])
        #expect(strict.status == 78 && strict.output.isEmpty, "\(strict)")
        #expect(strict.error.hasSuffix("error: functions.yaml: 1 warning, mistakes with --strict\n"), "\(strict)")
        let json = try await check(open, ["--strict", "--json"])
        #expect(json.status == 78)
        #expect(try JSONParser.parse(json.output)["ok"] == false)
        let bounded = open.replacing("echo}, ", with: "echo}, rateLimit: {limit: 1, per: 1s}, ")
        let quiet = try await check(bounded, ["--strict"])
        #expect(quiet.status == 0 && quiet.error.isEmpty, "\(quiet)")
    }

    @Test func `A server that starts says so too, and what it warns of it runs`() async throws {
        let server = try await ServerProcess(
            manifest: "version: 1\nfunctions:\n  f: {handler: {builtin: echo}, endpoint: {auth: public}}\n")
        #expect(server.log.contains("warning: functions.f.endpoint.auth: anybody may call it"))
        #expect(try await server.post("/api/v1/f", "{}").status == 202)
    }

    @Test func `A server does not start on a wrong manifest`() async throws {
        let folder = try TemporaryFolder()
        try folder.write("version: 1\nfunctions: []\n", to: "functions.yaml")
        let run = try await Program.run(["serve"], folder: folder)
        #expect(run.status == 78)
        #expect(run.error.contains("functions.yaml:2:12: error: functions: expected a mapping, found a list"))
    }
}
