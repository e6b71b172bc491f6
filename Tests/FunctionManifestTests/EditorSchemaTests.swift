import Foundation
import FunctionManifest
import PayloadSchema
import Testing

@Suite struct EditorSchemaTests {
    private static let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized

    /// Every property of the schema, with its path.
    private static func properties(_ schema: JSONValue, _ path: String = "") -> [(path: String, schema: JSONValue)] {
        var found: [(path: String, schema: JSONValue)] = []
        if case .object(let members)? = schema["properties"] {
            for (name, value) in members.members {
                found.append(("\(path).\(name)", value))
                found += properties(value, "\(path).\(name)")
            }
        }
        for key in ["items", "additionalProperties"] {
            if let inner = schema[key] { found += properties(inner, path) }
        }
        if case .array(let alternatives)? = schema["anyOf"] {
            for alternative in alternatives { found += properties(alternative, path) }
        }
        return found
    }

    @Test func `Every key that a manifest may have is in the schema, and no other`() throws {
        let known = Set(
            Self.properties(EditorSchema.value).compactMap { $0.path.split(separator: ".").last.map(String.init) })
        var read: Set<String> = []
        let folder = Self.root.appendingPathComponent("Sources/FunctionManifest")
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) where file.hasSuffix(".swift") {
            let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
            for match in text.matches(of: /\.(?:take|require)\("([A-Za-z]+)"/) { read.insert(String(match.output.1)) }
        }
        // Read by loops over names.
        read.formUnion(["pending", "inFlight", "completed", "failed", "deadLetter", "timeout", "cancelled"])
        read.formUnion(["payload", "parameters", "result"])
        #expect(known.subtracting(read).isEmpty, "\(known.subtracting(read))")
        #expect(read.subtracting(known).isEmpty, "\(read.subtracting(known))")
    }

    @Test func `Most keys say what they mean`() {
        let all = Self.properties(EditorSchema.value)
        #expect(all.count > 150)
        let silent = all.filter { $0.schema["description"] == nil && !$0.path.contains("statusCodes") }.map(\.path)
        // Their names say it, below a key that is described.
        #expect(silent.allSatisfy { $0.contains(".redirect.") || $0.contains(".schema.") }, "\(silent)")
    }

    /// check-jsonschema (PyPI), where it is installed.
    @Test func `Others' validator takes the samples and refuses what a schema can catch`() throws {
        let tool = Self.root.appendingPathComponent(".build/python/bin/check-jsonschema").path
        guard FileManager.default.isExecutableFile(atPath: tool) else { return }
        let schema = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-\(UUID().uuidString).json")
        try Data(EditorSchema.value.bytes).write(to: schema)
        defer { try? FileManager.default.removeItem(at: schema) }
        func passes(_ file: URL) throws -> Bool {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: tool)
            process.arguments = ["--schemafile", schema.path, file.path]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus == 0
        }
        #expect(try passes(Self.root.appendingPathComponent("functions.yaml")))
        let wrong = Self.root.appendingPathComponent("Tests/FunctionManifestTests/Wrong")
        for name in ["warning-secret-literals", "warning-timeout-beyond-max-wait"] {
            #expect(try passes(wrong.appendingPathComponent("\(name).yaml")), "\(name)")
        }
        for name in [
            "bare-number-timeout", "backoff-typo", "defaults-typo", "unknown-block", "function-name-upper-case",
            "no-handler", "unknown-builtin", "failure-rate-percent", "http-without-url", "http-method-lower-case",
            "method-get", "auth-none", "mode-typo", "status-code-999", "max-payload-number", "concurrency-zero",
            "priority-too-high", "attempts-zero", "retries-instead-of-attempts", "rate-limit-without-per",
            "on-complete-event", "http-retry-on-typo", "version-2", "no-functions", "functions-is-a-list",
        ] {
            #expect(try !passes(wrong.appendingPathComponent("\(name).yaml")), "\(name)")
        }
    }
}
