// swift-tools-version: 6.2
import PackageDescription

// Targets stand in the order in which data flows through them; ARCHITECTURE.md draws the same picture.

/// Products of other packages, by the name under which targets below use them.
let products: [String: Target.Dependency] = [
    "ArgumentParser": .product(name: "ArgumentParser", package: "swift-argument-parser"),
    "DequeModule": .product(name: "DequeModule", package: "swift-collections"),
    "HeapModule": .product(name: "HeapModule", package: "swift-collections"),
    "Histogram": .product(name: "Histogram", package: "hdrhistogram-swift"),
    "Logging": .product(name: "Logging", package: "swift-log"),
    "NIOCore": .product(name: "NIOCore", package: "swift-nio"),
    "NIOEmbedded": .product(name: "NIOEmbedded", package: "swift-nio"),
    "NIOHTTP1": .product(name: "NIOHTTP1", package: "swift-nio"),
    "NIOPosix": .product(name: "NIOPosix", package: "swift-nio"),
    "ServiceLifecycle": .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
    "UnixSignals": .product(name: "UnixSignals", package: "swift-service-lifecycle"),
]

/// A name is a product above or another target here.
func uses(_ names: [String]) -> [Target.Dependency] { names.map { products[$0] ?? .target(name: $0) } }

func room(_ name: String, uses names: [String] = []) -> Target { .target(name: name, dependencies: uses(names)) }

func tests(_ name: String, uses names: [String]) -> Target { .testTarget(name: name, dependencies: uses(names)) }

/// A library that only tests import.
func testing(_ name: String, uses names: [String]) -> Target {
    .target(name: name, dependencies: uses(names), path: "Tests/\(name)")
}

let package = Package(
    name: "sluice",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "sluice", targets: ["sluice"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
    ],
    targets: [
        // The C libraries of the system.
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        // SHA-256, HMAC, comparison in constant time, random bytes.
        room("Hashing", uses: ["CCrypto"]),
        // Threads with names, files read in pieces: what FoundationEssentials lacks.
        room("Platform"),
        // JSON that keeps its bytes.
        room("PayloadSchema"),
        // Values and rules: functions, jobs, outcomes, decisions. No I/O, no clock, no randomness.
        room("JobModel", uses: ["PayloadSchema"]),
        // functions.yaml -> [Function], or every problem with its line.
        room("FunctionManifest", uses: ["JobModel", "PayloadSchema", "CLibYAML", "Hashing"]),
        // What a store does for the engine, in lifecycle verbs; beside it what it does for accounts.
        room("JobStore", uses: ["JobModel", "PayloadSchema"]),
        // Alarms, clocks, randomness, values that come once.
        room("Timing", uses: ["JobModel", "Platform", "HeapModule"]),
        // Who may start next: lanes, gates, reservations. A value: no clock, no store, no lock.
        room("Dispatching", uses: ["JobModel", "JobStore", "PayloadSchema", "Hashing", "DequeModule", "HeapModule"]),
        // Who may call: accounts and their API keys.
        room("Accounts", uses: ["JobModel", "JobStore", "PayloadSchema", "Hashing"]),
        // The embedded store: SQLite, durable before the 202.
        room("SQLiteJobStore", uses: ["JobStore", "JobModel", "PayloadSchema", "Platform", "CSQLite"]),
        // Requests that leave: libcurl on a thread of its own, the egress policy, timings.
        room("Outbound", uses: ["JobModel", "Hashing", "Platform", "CCurl", "DequeModule"]),
        // Webhooks: signatures, secrets, and the POST that carries one.
        room("Webhooks", uses: ["JobModel", "Outbound", "PayloadSchema", "Hashing"]),
        // What an attempt runs.
        room("Handlers", uses: ["JobModel", "Outbound", "PayloadSchema", "Webhooks"]),
        // What is to be sent to whom, receivers' queues, and the loop that sends it.
        room(
            "WebhookDelivery",
            uses: ["JobModel", "JobStore", "PayloadSchema", "Timing", "DequeModule", "Logging", "ServiceLifecycle"]),
        // Admission -> store -> Dispatcher -> Handler -> Decision -> store -> Announcer.
        room(
            "JobEngine",
            uses: [
                "Dispatching", "Timing", "WebhookDelivery", "JobModel", "JobStore", "PayloadSchema", "Hashing",
                "DequeModule", "Histogram", "Logging", "ServiceLifecycle",
            ]),
        // The HTTP channel, the front door, the route table, waiting for a job, problem bodies.
        room(
            "HTTPSupport",
            uses: [
                "Hashing", "JobEngine", "JobModel", "JobStore", "PayloadSchema", "DequeModule", "Logging", "NIOCore",
                "NIOHTTP1", "NIOPosix", "ServiceLifecycle",
            ]),
        // The surfaces: decode, call the engine once, encode. They never import each other.
        room(
            "FunctionsAPI",
            uses: [
                "HTTPSupport", "JobEngine", "JobModel", "JobStore", "PayloadSchema", "Logging", "NIOCore", "NIOHTTP1",
            ]),
        room(
            "TasksAPI",
            uses: ["HTTPSupport", "JobEngine", "JobModel", "JobStore", "PayloadSchema", "NIOHTTP1"]),
        room(
            "OperationsAPI",
            uses: [
                "Accounts", "FunctionManifest", "HTTPSupport", "JobEngine", "JobModel", "JobStore", "PayloadSchema",
                "Platform",
                "Webhooks", "Logging", "NIOCore", "NIOHTTP1",
            ]),
        // The composition root, the one place that names concrete types; manifest in force, data folder, log.
        room(
            "ServerHost",
            uses: [
                "Accounts", "FunctionManifest", "FunctionsAPI", "HTTPSupport", "Handlers", "JobEngine", "JobModel",
                "Timing",
                "JobStore", "OperationsAPI", "Outbound", "PayloadSchema", "Platform", "SQLiteJobStore", "TasksAPI",
                "Webhooks", "Logging", "ServiceLifecycle", "UnixSignals",
            ]),
        // The command line: commands, console, terminal.
        .executableTarget(
            name: "sluice",
            dependencies: uses([
                "ServerHost", "FunctionManifest", "JobModel", "PayloadSchema", "Platform", "ArgumentParser", "NIOCore",
                "NIOHTTP1",
                "NIOPosix",
            ])),

        // For Benchmarks/, which cannot see what is package-internal.
        .executableTarget(
            name: "OutboundLoad", dependencies: uses(["Outbound"]), path: "Benchmarks/OutboundLoad"),
        .executableTarget(
            name: "NoOpServer", dependencies: uses(["NIOCore", "NIOHTTP1", "NIOPosix"]), path: "Benchmarks/NoOpServer"),
        .executableTarget(
            name: "DiscardingServer", dependencies: uses(["ServerHost", "SQLiteJobStore", "JobStore", "JobModel"]),
            path: "Benchmarks/DiscardingServer"),

        tests("HashingTests", uses: ["Hashing", "CCrypto"]),
        tests("PlatformTests", uses: ["Platform", "TestClient"]),
        tests("PayloadSchemaTests", uses: ["PayloadSchema"]),
        tests("JobModelTests", uses: ["JobModel", "PayloadSchema"]),
        .testTarget(
            name: "FunctionManifestTests", dependencies: uses(["FunctionManifest", "JobModel", "PayloadSchema"]),
            exclude: ["Wrong"]),
        // The contract that every store runs.
        testing("JobStoreContract", uses: ["JobStore", "JobModel"]),
        tests("SQLiteJobStoreTests", uses: ["SQLiteJobStore", "JobStoreContract", "JobStore", "JobModel"]),
        tests("DispatchingTests", uses: ["Dispatching", "JobModel", "JobStore", "PayloadSchema"]),
        tests("WebhookDeliveryTests", uses: ["WebhookDelivery", "JobStore", "JobModel"]),
        tests("TimingTests", uses: ["Timing", "JobModel"]),
        tests("AccountsTests", uses: ["Accounts", "SQLiteJobStore", "JobStore", "JobModel"]),
        tests("OutboundTests", uses: ["Outbound", "JobModel", "TestClient", "CCrypto"]),
        tests("WebhooksTests", uses: ["Webhooks", "Outbound", "JobModel", "TestClient"]),
        tests("HandlersTests", uses: ["Handlers", "JobModel", "Outbound", "PayloadSchema", "TestClient"]),
        tests(
            "JobEngineTests",
            uses: [
                "Dispatching", "Timing", "WebhookDelivery", "JobEngine", "JobStoreContract", "SQLiteJobStore",
                "JobStore", "JobModel",
                "PayloadSchema",
                "Logging", "ServiceLifecycle", "CSQLite",
            ]),
        tests("HTTPSupportTests", uses: ["HTTPSupport", "JobModel", "NIOCore", "NIOEmbedded", "NIOHTTP1"]),
        tests("FunctionsAPITests", uses: ["FunctionsAPI", "JobStore", "JobModel", "PayloadSchema", "NIOHTTP1"]),
        // Raw sockets and a server process for the end-to-end tests.
        testing("TestClient", uses: ["PayloadSchema"]),
        // Killed by the crash test's negative control.
        .executableTarget(
            name: "StoreCrashSubject", dependencies: uses(["SQLiteJobStore", "JobStore", "JobModel"]),
            path: "Tests/StoreCrashSubject"),
        .testTarget(
            name: "SluiceTests",
            dependencies: uses([
                "sluice", "DiscardingServer", "ServerHost", "StoreCrashSubject", "TestClient", "SQLiteJobStore",
                "OperationsAPI", "JobEngine", "JobStore", "Timing",
                "JobModel",
                "PayloadSchema", "ServiceLifecycle", "CSQLite",
            ]),
            exclude: ["verify_webhook.py", "Databases"]),
    ]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
}
