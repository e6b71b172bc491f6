import Foundation
import Testing

/// The house stands as ARCHITECTURE.md says: rooms import only rooms before them.
@Suite struct ArchitectureTests {
    private static let root = URL(fileURLWithPath: #filePath).appendingPathComponent("../../..").standardized

    /// What each room may import of ours, and of the heavy libraries that must stay at the edges.
    private static let allowed: [String: Set<String>] = [
        "Hashing": ["CCrypto"],
        "Platform": [],
        "PayloadSchema": [],
        "JobModel": ["PayloadSchema"],
        "FunctionManifest": ["JobModel", "PayloadSchema", "CLibYAML", "Hashing"],
        "JobStore": ["JobModel", "PayloadSchema"],
        "Accounts": ["JobStore", "JobModel", "PayloadSchema", "Hashing"],
        "SQLiteJobStore": ["JobStore", "JobModel", "PayloadSchema", "Platform", "CSQLite"],
        "Outbound": ["JobModel", "Hashing", "Platform", "CCurl", "DequeModule"],
        "Webhooks": ["JobModel", "Outbound", "PayloadSchema", "Hashing"],
        "Handlers": ["JobModel", "Outbound", "PayloadSchema", "Webhooks"],
        "Dispatching": ["JobStore", "JobModel", "PayloadSchema", "Hashing", "DequeModule", "HeapModule"],
        "Timing": ["JobModel", "Platform", "HeapModule"],
        "WebhookDelivery": [
            "Timing", "JobStore", "JobModel", "PayloadSchema", "DequeModule", "Logging", "ServiceLifecycle",
        ],
        "JobEngine": [
            "Dispatching", "Timing", "WebhookDelivery", "JobStore", "JobModel", "PayloadSchema", "Hashing",
            "DequeModule", "Histogram", "Logging", "ServiceLifecycle",
        ],
        "HTTPSupport": [
            "Hashing", "JobEngine", "JobStore", "JobModel", "PayloadSchema", "DequeModule", "NIOCore", "NIOHTTP1",
            "NIOPosix",
            "Logging", "ServiceLifecycle",
        ],
        "FunctionsAPI": [
            "HTTPSupport", "JobEngine", "JobStore", "JobModel", "PayloadSchema", "NIOCore", "NIOHTTP1", "Logging",
        ],
        "TasksAPI": ["HTTPSupport", "JobEngine", "JobStore", "JobModel", "PayloadSchema", "NIOHTTP1"],
        "OperationsAPI": [
            "Accounts", "FunctionManifest", "Webhooks", "HTTPSupport", "JobEngine", "JobStore", "JobModel",
            "PayloadSchema", "Platform",
            "Logging", "NIOCore",
            "NIOHTTP1",
        ],
        "ServerHost": [
            "Accounts", "FunctionManifest", "FunctionsAPI", "HTTPSupport", "Handlers", "JobEngine", "JobModel",
            "Timing",
            "JobStore", "OperationsAPI", "Outbound", "PayloadSchema", "Platform", "SQLiteJobStore", "TasksAPI",
            "Webhooks",
            "Logging", "NIOPosix", "ServiceLifecycle", "UnixSignals",
        ],
        "sluice": [
            "ServerHost", "FunctionManifest", "JobModel", "PayloadSchema", "Platform", "ArgumentParser", "NIOCore",
            "NIOHTTP1",
            "NIOPosix",
        ],
    ]

    /// Part of the toolchain. All of Foundation is not among them: it would make the binary three times as large.
    private static let system: Set<String> = ["FoundationEssentials", "Glibc", "Dispatch", "Synchronization"]

    private static func imports(of room: String) throws -> [(file: String, module: String)] {
        let folder = root.appendingPathComponent("Sources/\(room)")
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
        return try files.flatMap { file in
            try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8).split(separator: "\n")
                .compactMap { line -> (String, String)? in
                    let words = line.split(separator: " ").filter { !$0.hasPrefix("@") }
                    guard let index = words.firstIndex(of: "import"), index <= 1, index + 1 < words.count else {
                        return nil
                    }
                    return (file, String(words[index + 1]))
                }
        }
    }

    @Test(arguments: allowed.keys.sorted())
    func `A room imports only what it may`(_ room: String) throws {
        let imports = try Self.imports(of: room)
        #expect(!imports.isEmpty || room == "PayloadSchema")
        for (file, module) in imports where !Self.system.contains(module) {
            #expect(Self.allowed[room]?.contains(module) == true, "\(room)/\(file) imports \(module)")
        }
    }

    @Test func `Every room is known here and in ARCHITECTURE.md`() throws {
        let rooms = try FileManager.default.contentsOfDirectory(
            atPath: Self.root.appendingPathComponent("Sources").path)
        let text = try String(contentsOf: Self.root.appendingPathComponent("ARCHITECTURE.md"), encoding: .utf8)
        for room in rooms where !room.hasPrefix("C") {
            #expect(Self.allowed[room] != nil, "\(room)")
            #expect(text.contains("`\(room)`"), "ARCHITECTURE.md does not name \(room)")
        }
    }

    @Test func `Values and rules read no clock and draw no lots`() throws {
        for room in ["PayloadSchema", "JobModel", "JobStore", "Dispatching", "SQLiteJobStore"] {
            let folder = Self.root.appendingPathComponent("Sources/\(room)")
            for file in try FileManager.default.subpathsOfDirectory(atPath: folder.path) where file.hasSuffix(".swift")
            {
                let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
                for word in ["Date()", ".now()", "ContinuousClock", "SystemRandomNumberGenerator", "clock_gettime"] {
                    #expect(!text.contains(word), "\(room)/\(file) uses \(word)")
                }
            }
        }
    }

    @Test func `ARCHITECTURE.md lists every table`() throws {
        let schema = try String(
            contentsOf: Self.root.appendingPathComponent("Sources/SQLiteJobStore/Schema.swift"), encoding: .utf8)
        let text = try String(contentsOf: Self.root.appendingPathComponent("ARCHITECTURE.md"), encoding: .utf8)
        for match in schema.matches(of: /CREATE TABLE (\w+)/) {
            #expect(text.contains("| `\(match.output.1)` |"), "\(match.output.1)")
        }
    }
}
