import JobModel
import Testing

@testable import Dispatching

private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    // SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// Two rules, a throttle, accounts, addresses, a target, suspects, pauses, partial and failed claims, reloads during claims: what must
/// hold does, and every job runs in the end.
struct DispatchPropertyTests {
    private static func deployments(slots: Int) -> [Deployment] {
        var accounts = AccountLimits()
        accounts.concurrency = 5
        var anonymous = AnonymousLimits()
        anonymous.concurrency = 4
        func deployment(_ functions: [Function]) -> Deployment {
            Deployment(
                revision: "r", functions: functions, concurrency: slots, accounts: accounts, anonymous: anonymous)
        }
        func bound(_ all: Int, _ each: Int, _ key: LimitKey?) -> Function {
            DispatchWorld.function("bound") {
                $0.limits.concurrency = [ConcurrencyLimit(limit: all), ConcurrencyLimit(limit: each, key: key)]
            }
        }
        func paced(_ limit: Int, burst: Int) -> Function {
            DispatchWorld.function("paced") {
                $0.limits.throttle = [
                    Throttle(limit: limit, per: .seconds(1), burst: burst, key: DispatchWorld.tenant),
                    Throttle(limit: 40, per: .seconds(1), burst: 5),
                ]
            }
        }
        let free = DispatchWorld.function("free")
        return [
            deployment([free, bound(6, 2, DispatchWorld.tenant), paced(5, burst: 2), web("one")]),
            deployment([free, bound(9, 1, DispatchWorld.tenant), paced(50, burst: 1), web("two")]),
            deployment([free, bound(6, 3, .ip), paced(5, burst: 4)]),
            deployment([bound(4, 2, .account), paced(20, burst: 2), web("one")]),
        ]
    }

    private static func web(_ host: String) -> Function {
        DispatchWorld.function("web", target: "http://\(host).example/")
    }

    @Test(arguments: 1...12)
    func `invariants hold at every step and every job runs`(seed: Int) {
        var random = SeededGenerator(state: UInt64(seed))
        let deployments = Self.deployments(slots: 12)
        var world = DispatchWorld(deployments[0])
        let lanes = 2_000
        var isSteady = true
        for step in 0..<6_000 {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<2 where step < 4_000:
                world.takeUp(
                    ["free", "bound", "paced", "web"].randomElement(using: &random) ?? "free",
                    owner: "account-\(Int.random(in: 0..<20, using: &random))",
                    tenant: Int.random(in: 0..<lanes, using: &random), isRead: Bool.random(using: &random),
                    isMoved: Bool.random(using: &random))
            case 2..<38 where step < 4_000:
                let owner = Int.random(in: 0..<3, using: &random)
                world.accept(
                    ["free", "bound", "paced", "web"].randomElement(using: &random) ?? "free",
                    owner: owner == 0 ? nil : "account-\(Int.random(in: 0..<20, using: &random))",
                    client: "203.0.113.\(Int.random(in: 0..<200, using: &random))",
                    tenant: Int.random(in: 0..<lanes, using: &random),
                    in: Bool.random(using: &random) ? .zero : .milliseconds(Int.random(in: 0..<3_000, using: &random)))
            case 0..<50: world.plan(besidesEnds: Bool.random(using: &random))
            case 50..<62:
                if !world.claims.isEmpty { world.answer(Int.random(in: 0..<world.claims.count, using: &random)) }
            case 62..<64:
                if let index = world.claims.indices.randomElement(using: &random) {
                    world.fail(index, isStoreWide: Bool.random(using: &random))
                }
            case 64..<78:
                if let index = world.running.indices.randomElement(using: &random) {
                    let isTarget = world.running[index].job.function == "web"
                    let answers = Int.random(in: 0..<10, using: &random) < 3
                    world.end(index, isTarget ? (answers ? .answered : .none) : .unknown)
                }
            case 78..<92: if let index = world.ended.indices.randomElement(using: &random) { world.record(index) }
            case 92..<95: world.read(Int.random(in: 1..<40, using: &random), moving: 2)
            case 95..<96:
                let name = ["free", "bound", "paced"].randomElement(using: &random) ?? "free"
                world.state.setPaused(name, Bool.random(using: &random))
            case 96..<97:
                // Attempts under an old manifest are no longer within the new limits.
                isSteady = false
                world.reload(deployments[Int.random(in: 0..<deployments.count, using: &random)])
            default: world.pass(.milliseconds(Int.random(in: 0..<400, using: &random)))
            }
            if step % 40 == 0 { world.check() }
            if step < 1_000, isSteady { world.checkLimits() }
        }
        drain(&world, deployments[0])
    }

    private func drain(_ world: inout DispatchWorld, _ deployment: Deployment) {
        world.reload(deployment)
        for name in ["free", "bound", "paced"] { world.state.setPaused(name, false) }
        var rounds = 0
        while world.queuedCount + world.running.count + world.ended.count + world.claims.count > 0, rounds < 40_000 {
            rounds += 1
            world.read()
            world.plan()
            while !world.claims.isEmpty { world.answer() }
            while !world.running.isEmpty { world.end(0, .answered) }
            while !world.ended.isEmpty { world.record() }
            world.pass(.milliseconds(100))
            if rounds % 50 == 0 { world.check() }
        }
        #expect(world.queuedCount == 0, "jobs that nobody starts: \(world.queued)")
        #expect(world.state.reservations.isEmpty)
        #expect(world.state.slotsTaken == 0 && world.state.slotsReserved == 0 && world.state.unrecorded == 0)
        #expect(world.recorded == world.accepted)
        #expect(Set(world.starts.map(\.number)).count == world.accepted)
    }

    @Test(arguments: [[1], [1, 1]])
    func `lanes behind gates of one are served in turn`(limits: [Int]) {
        let function = DispatchWorld.function("one") {
            // The second counts by something that all lanes share.
            $0.limits.concurrency = limits.enumerated().map {
                ConcurrencyLimit(limit: $1, key: $0 == 0 ? nil : ValuePath("payload.none").map { .value($0) })
            }
            $0.limits.throttle = []
        }
        var world = DispatchWorld(Deployment(revision: "r", functions: [function], concurrency: 8))
        for account in 0..<200 { for _ in 0..<50 { world.accept("one", owner: "account-\(account)") } }
        for _ in 0..<2_000 {
            world.settle()
            world.end()
            world.record()
        }
        var starts: [String: Int] = [:]
        for job in world.starts.prefix(2_000) { starts[job.owner ?? "", default: 0] += 1 }
        #expect(starts.count == 200)
        #expect(starts.values.allSatisfy { (9...11).contains($0) }, "\(starts.values.sorted())")
    }

    @Test(arguments: [10, 1_000, 30_000])
    func `an end touches a bounded number of elements, however many lanes wait`(tenants: Int) {
        let function = DispatchWorld.function("busy") {
            $0.limits.concurrency = [
                ConcurrencyLimit(limit: 20), ConcurrencyLimit(limit: 2, key: DispatchWorld.tenant),
            ]
        }
        var world = DispatchWorld(Deployment(revision: "r", functions: [function], concurrency: 256))
        for tenant in 0..<tenants { for _ in 0..<3 { world.accept("busy", tenant: tenant) } }
        world.settle()
        var counts: [Int] = []
        for _ in 0..<min(3 * tenants - 20, 3_000) {
            let before = world.state.touched
            world.end()
            world.record()
            world.settle()
            counts.append(world.state.touched - before)
        }
        counts.sort()
        #expect(world.running.count == 20 || tenants == 10)
        #expect((counts.last ?? 0) <= 400, "at most \(counts.last ?? 0), median \(counts[counts.count / 2])")
        #expect(counts[counts.count / 2] <= 12)
    }
}
