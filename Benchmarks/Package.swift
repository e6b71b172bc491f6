// swift-tools-version: 6.2
import PackageDescription

// A package of its own: it drives the built binary over loopback, and nobody who uses Sluice ever resolves it.
let package = Package(
    name: "sluice-benchmarks",
    targets: [
        .target(name: "CEpoll"),
        // A target that costs nothing, and libcurl by itself.
        .target(name: "CTarget"),
        .target(name: "CCurlLoop", linkerSettings: [.linkedLibrary("curl")]),
        .executableTarget(
            name: "Benchmarks",
            dependencies: ["CEpoll", "CTarget", "CCurlLoop"],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ]),
    ]
)
