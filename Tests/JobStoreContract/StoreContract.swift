package import JobStore
internal import Testing

/// What every store must do. A store's tests run all cases, each on a fresh store.
package struct StoreContractCase: Sendable, CustomTestStringConvertible {
    package let name: String
    package let run: @Sendable (any EngineStore) async throws -> Void

    package var testDescription: String { name }
}

/// The cases by topic, each in a file of its own.
package enum StoreContract {
    package static let cases: [StoreContractCase] =
        acceptance + claiming + lanes + limits + waiting + settling + leases + pruning + reports + lists + deliveries
        + clocks + closing

    static let closing: [StoreContractCase] = [
        StoreContractCase(name: "a closed store says so") { store in
            try await store.probe()
            await store.close()
            await #expect(throws: StoreError.closed) { try await store.probe() }
            await #expect(throws: StoreError.closed) { try await store.fetch([], including: []) }
        }
    ]

    struct Unexpected: Error {}
}
