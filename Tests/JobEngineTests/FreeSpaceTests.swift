import JobModel
import JobStore
import Logging
import Synchronization
import Testing

@testable import JobEngine

/// `server.minFreeSpace`: who is let in while the disk has little space.
@Suite(.timeLimit(.minutes(1))) struct FreeSpaceTests {
    private static let minimum = 1000

    private final class Lines: Sendable {
        private let lines = Mutex<[(Logger.Level, String)]>([])

        func add(_ level: Logger.Level, _ text: String) { lines.withLock { $0.append((level, text)) } }

        var levels: [Logger.Level] { lines.withLock { $0.map(\.0) } }
        var last: String? { lines.withLock { $0.last?.1 } }
    }

    private struct Notes: LogHandler {
        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        init(_ lines: Lines) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            lines.add(event.level, "\(event.message) \(event.metadata ?? [:])")
        }
    }

    private static func call(owner: String? = nil, key: String? = nil, from client: String = "127.0.0.1") -> Submission
    {
        Submission(function: "f", payload: nil, owner: owner, clientAddress: client, idempotencyKey: key)
    }

    private static func low(_ result: Result<Accepted, Refusal>) throws -> LowSpace? {
        switch result {
        case .success: nil
        case .failure(.lowSpace(let space)): space
        case .failure(let other): throw other
        }
    }

    @Test(
        arguments: [
            (nil, true, true), (Int64.max, true, true), (4000, true, true), (3999, false, true), (1000, false, true),
            (999, false, false), (0, false, false),
        ] as [(Int64?, Bool, Bool)])
    func `Below the minimum nobody is let in, below four times it nobody without credentials`(
        _ free: Int64?, _ letsAll: Bool, _ letsOwners: Bool
    ) async throws {
        let fixture = try EngineFixture([EngineFixture.function()], minFreeSpace: Self.minimum)
        fixture.engine.freeSpace.measured(free)
        // Without credentials is without credentials, wherever it comes from.
        for client in ["127.0.0.1", "192.0.2.1", ""] {
            let space = try Self.low(await fixture.engine.submit([Self.call(from: client)])[0])
            #expect((space == nil) == letsAll)
            if let space {
                #expect(space.free == free && space.minimum == Self.minimum && space.refusesAll != letsOwners)
            }
        }
        for owner in ["a", Job.adminOwner] {
            #expect((try Self.low(await fixture.engine.submit([Self.call(owner: owner)])[0]) == nil) == letsOwners)
        }
        #expect(await fixture.engine.readiness().contains { $0.contains("server.minFreeSpace") } == !letsOwners)
    }

    @Test func `Nothing is refused where no space is to be kept`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()])
        fixture.engine.freeSpace.measured(0)
        _ = try await fixture.engine.submit(Self.call())
    }

    @Test func `What nobody has measured for a while says nothing`() async throws {
        let fixture = try EngineFixture([EngineFixture.function()], minFreeSpace: Self.minimum)
        _ = try await fixture.engine.submit(Self.call())
        fixture.engine.freeSpace.measured(0)
        fixture.clock.advance(9999)
        await #expect(throws: Refusal.self) { try await fixture.engine.submit(Self.call()) }
        fixture.clock.advance(1)
        _ = try await fixture.engine.submit(Self.call())
    }

    @Test func `A refused call holds nothing, and one that was accepted before is answered`() async throws {
        let fixture = try EngineFixture(
            [
                EngineFixture.function {
                    $0.limits.maxQueued = 8
                    $0.limits.rate = [RateLimit(limit: 2, per: .seconds(10))]
                }
            ], concurrency: 1, minFreeSpace: Self.minimum)
        try await fixture.running {
            try await fixture.up()
            let first = try await fixture.engine.submit(Self.call(key: "k", from: "192.0.2.1"))
            _ = try await fixture.calls(1)
            fixture.engine.freeSpace.measured(10)
            for key in [nil, "other"] {
                for _ in 0..<5 {
                    await #expect(throws: Refusal.self) {
                        try await fixture.engine.submit(Self.call(key: key, from: "192.0.2.1"))
                    }
                }
            }
            #expect(fixture.engine.metrics.all["f"]?.refused[.diskLow] == 10)
            #expect(try await fixture.engine.submit(Self.call(key: "k", from: "192.0.2.1")).id == first.id)
            // What was accepted runs, and ends.
            fixture.handler.end(EngineFixture.value)
            try await fixture.job(first.id, until: .completed)
            while !fixture.engine.counters.hasNoAddresses { await Task.yield() }
            fixture.engine.freeSpace.measured(.max)
            let next = try await fixture.engine.submit(Self.call(from: "192.0.2.1"))
            #expect(next.rates.map(\.remaining) == [0])
            _ = try await fixture.calls(2)
            fixture.handler.end(EngineFixture.value)
            try await fixture.idle()
        }
    }

    @Test func `Each step is told once, and back`() throws {
        let lines = Lines()
        var deployment = Deployment(revision: "r", functions: [], concurrency: 1, minFreeSpace: 256 << 20)
        let current = CurrentDeployment(deployment)
        let space = FreeSpace(
            deployment: current, clock: ManualClock(), logger: Logger(label: "test", factory: { _ in Notes(lines) }))
        space.measured(1 << 40)
        space.measured(1 << 30)
        #expect(lines.levels.isEmpty)
        for _ in 0..<3 { space.measured(850_000_000) }
        #expect(lines.levels == [.warning])
        #expect(lines.last?.contains("810MiB") == true && lines.last?.contains("256MiB") == true)
        for _ in 0..<3 { space.measured(5) }
        #expect(lines.levels == [.warning, .error])
        space.measured(850_000_000)
        space.measured(1 << 40)
        #expect(lines.levels == [.warning, .error, .warning, .info])
        for _ in 0..<3 { space.measured(nil) }
        #expect(lines.levels.count == 5)
        // A reload that keeps no space ends it.
        space.measured(5)
        deployment.minFreeSpace = 0
        current.replace(with: deployment)
        for _ in 0..<3 { space.measured(5) }
        #expect(lines.levels.suffix(2) == [.error, .info])
    }
}
