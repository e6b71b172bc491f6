// swift-tools-version: 6.2
import PackageDescription

// A package of its own: it drives the built binary over loopback, and nobody who uses Sluice ever resolves it.
let package = Package(
    name: "sluice-benchmarks",
    targets: [
        .target(name: "CEpoll"),
        .executableTarget(
            name: "Benchmarks",
            dependencies: ["CEpoll"],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ]),
    ]
)
