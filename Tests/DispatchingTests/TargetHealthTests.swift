import JobModel
import Testing

@testable import Dispatching

@Suite struct TargetHealthTests {
    private static let second: Int64 = 1_000_000_000

    private static func silent() -> TargetHealth {
        var health = TargetHealth()
        for _ in 0..<TargetHealth.patience { _ = health.gaveNoAnswer(at: 0) }
        return health
    }

    @Test func `Silence counts in a row, an answer forgets it`() {
        var health = TargetHealth()
        let first = (0..<4).map { _ in health.gaveNoAnswer(at: 0) }
        #expect(!first.contains(true) && !health.isSilent)
        let wasSilent = health.answered()
        #expect(!wasSilent)
        // Told once.
        let second = (0..<6).map { _ in health.gaveNoAnswer(at: 0) }
        #expect(second == [false, false, false, false, true, false])
        #expect(health.isSilent && health.nextProbe(of: 8) == Self.second)
    }

    @Test func `Pauses double up to five seconds`() {
        var health = TargetHealth()
        for _ in 0..<4 { _ = health.gaveNoAnswer(at: 0) }
        var now: Int64 = 0
        var pauses: [Int64] = []
        for _ in 0..<6 {
            _ = health.gaveNoAnswer(at: now)
            let next = health.nextProbe(of: 8) ?? 0
            pauses.append((next - now) / Self.second)
            now = next
        }
        #expect(pauses == [1, 2, 4, 5, 5, 5])
    }

    @Test func `What ends together is one finding`() {
        var health = TargetHealth()
        for _ in 0..<200 { _ = health.gaveNoAnswer(at: 0) }
        #expect(health.nextProbe(of: 8) == Self.second)
        _ = health.gaveNoAnswer(at: Self.second)
        #expect(health.nextProbe(of: 8) == 3 * Self.second)
    }

    @Test func `While an attempt hangs, the next one tries after five seconds, eight at once at most`() {
        var health = Self.silent()
        var now = Self.second
        for _ in 0..<TargetHealth.probes {
            #expect(health.nextProbe(of: 8).map { $0 <= now } == true)
            let isProbe = health.started(at: now)
            #expect(isProbe)
            now += 5 * Self.second
        }
        #expect(health.nextProbe(of: 8) == nil)
        health.probeEnded()
        #expect(health.nextProbe(of: 8) == now)
    }

    /// With 256 slots a new attempt tries every five seconds while those before hang for five minutes.
    @Test func `The more slots there are, the longer attempts may hang without a pause in trying`() {
        var health = Self.silent()
        var now = Self.second
        for _ in 0..<64 {
            #expect(health.nextProbe(of: 256) == now)
            _ = health.started(at: now)
            now += 5 * Self.second
        }
        #expect(health.nextProbe(of: 256) == nil && now >= 300 * Self.second)
        #expect(health.nextProbe(of: 8) == nil && health.nextProbe(of: 1024) == now)
    }

    private static func calls(_ name: String, _ host: String, own: Int? = nil) -> Function {
        DispatchWorld.function(name, target: "http://\(host)/") {
            if let own { $0.limits.concurrency = [ConcurrencyLimit(limit: own)] }
        }
    }

    private static func rules(_ functions: [Function], slots: Int) -> (function: Int, target: Int)? {
        let rules = DispatchRules(Deployment(revision: "r", functions: functions, concurrency: slots))
        return rules.functions.first { $0.name == "a" }.map { ($0.limit, rules.targetLimit($0.target)) }
    }

    @Test func `A function and a target have three quarters of the slots, unless there is only one function`() throws {
        let alone = try #require(Self.rules([Self.calls("a", "x")], slots: 8))
        #expect(alone == (8, 8))
        let two = [Self.calls("a", "x"), DispatchWorld.function("b")]
        // With few slots one is left, too.
        for (slots, limit) in [(1, 1), (2, 1), (3, 2), (4, 3), (5, 3), (1024, 768)] {
            let rules = try #require(Self.rules(two, slots: slots))
            #expect(rules == (limit, limit), "\(slots) slots")
        }
    }

    @Test(arguments: [1, 2])
    func `A caller without credentials never has more than three quarters, however few functions there are`(
        _ functions: Int
    ) {
        let all = (0..<functions).map { DispatchWorld.function("f\($0)") }
        var anonymous = AnonymousLimits()
        for (slots, own, limit) in [
            (1, 128, 1), (2, 128, 1), (4, 128, 3), (64, 128, 48), (64, 10, 10), (1024, 128, 128),
        ] {
            anonymous.concurrency = own
            var world = DispatchWorld(
                Deployment(revision: "r", functions: all, concurrency: slots, anonymous: anonymous))
            for number in 0..<(2 * slots) { world.accept("f\(number % functions)", client: "192.0.2.1") }
            world.settle()
            #expect(world.running.count == limit, "\(slots) slots, anonymous.concurrency \(own)")
            // The rest is there for others at once, where their function has some left.
            guard slots > 1 else { continue }
            let underWay = Dictionary(grouping: world.running, by: \.job.function).mapValues(\.count)
            let least = all.map(\.name).min { underWay[$0] ?? 0 < underWay[$1] ?? 0 }
            world.accept(least ?? "", owner: "a")
            world.settle()
            #expect(world.running.count == limit + 1)
        }
    }

    @Test func `A function that says itself how many may run has so many, and its target too`() throws {
        let rules = try #require(Self.rules([Self.calls("a", "x", own: 100), Self.calls("b", "x")], slots: 100))
        #expect(rules == (100, 100))
        // Less than three quarters is what `concurrency` bounds: this rule takes nothing away.
        let less = try #require(Self.rules([Self.calls("a", "x", own: 5), Self.calls("b", "x")], slots: 100))
        #expect(less == (75, 75))
    }
}
