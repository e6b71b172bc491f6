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
        #expect(run.error.contains("there is no such file"))
    }

    @Test func `A server does not start on a wrong manifest`() async throws {
        let folder = try TemporaryFolder()
        try folder.write("version: 1\nfunctions: []\n", to: "functions.yaml")
        let run = try await Program.run(["serve"], folder: folder)
        #expect(run.status == 78)
        #expect(run.error.contains("functions.yaml:2:12: error: functions: expected a mapping, found a list"))
    }
}
