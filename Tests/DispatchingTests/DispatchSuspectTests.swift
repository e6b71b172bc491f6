import JobModel
import JobStore
import Testing

@testable import Dispatching

/// Suspects among other jobs.
struct DispatchSuspectTests {
    private static func world(slots: Int = 8, _ functions: [Function] = [DispatchWorld.function("f")]) -> DispatchWorld
    {
        var world = DispatchWorld(Deployment(revision: "r", functions: functions, concurrency: slots))
        world.settle()
        return world
    }

    /// All that runs ends, and that is written.
    private static func finish(_ world: inout DispatchWorld) {
        while !world.running.isEmpty { world.end() }
        while !world.ended.isEmpty { world.record() }
        world.settle()
    }

    /// What has started since, suspects as true.
    private static func starts(_ world: DispatchWorld, after count: Int = 0) -> [Bool] {
        world.starts.dropFirst(count).map(\.isSuspect)
    }

    @Test(arguments: [true, false]) func `What waits starts after suspects, however they were found`(isRead: Bool) {
        var world = Self.world()
        for _ in 0..<3 { world.takeUp("f", isRead: isRead) }
        // As a restart finds them.
        for _ in 0..<2 {
            world.insert(.init(number: 100, function: "f", due: world.now.steady, lane: 0))
            world.state.hint("f", lane: 0, due: world.now.steady, at: world.now)
        }
        world.settle()
        #expect(Self.starts(world) == [true])
        Self.finish(&world)
        #expect(Self.starts(world) == [true, true])
        Self.finish(&world)
        #expect(Self.starts(world) == [true, true, true])
        Self.finish(&world)
        #expect(Self.starts(world) == [true, true, true, false, false])
        world.check()
    }

    @Test func `While one runs in a hold nothing starts, at the door neither; after five seconds everything does`() {
        var world = Self.world()
        world.takeUp("f")
        world.settle()
        #expect(world.running.count == 1)
        for _ in 0..<3 { world.accept("f") }
        world.settle()
        #expect(world.running.count == 1)
        #expect(!world.state.needsPlan)
        let alarm = world.state.nextTimes().alarm
        #expect(alarm == world.now.nanoseconds + 5_000_000_000)
        world.pass(.milliseconds(4_999))
        world.settle()
        #expect(world.running.count == 1)
        world.pass(.milliseconds(1))
        world.settle()
        #expect(world.running.count == 4)
        world.accept("f")
        #expect(world.running.count == 5)
        world.check()
    }

    @Test func `What runs may end, and the suspect starts when the last end is written`() {
        var world = Self.world()
        for _ in 0..<2 { world.accept("f") }
        world.takeUp("f")
        world.settle()
        world.end()
        world.record()
        world.end()
        world.settle()
        #expect(Self.starts(world) == [false, false])
        world.record()
        #expect(world.state.needsPlan)
        world.settle()
        #expect(Self.starts(world) == [false, false, true])
        world.check()
    }

    @Test func `A start that is promised is waited for`() {
        var world = Self.world()
        world.insert(.init(number: 100, function: "f", due: world.now.steady, lane: 0))
        world.state.hint("f", lane: 0, due: world.now.steady, at: world.now)
        world.read()
        world.plan()
        world.read()
        let hasPlanned = world.plan()
        #expect(hasPlanned)
        world.takeUp("f")
        let plansMore = world.plan()
        #expect(!plansMore)
        world.answer()
        world.settle()
        #expect(Self.starts(world) == [false])
        Self.finish(&world)
        #expect(Self.starts(world) == [false, true])
    }

    @Test func `Where something always runs, starts are held once a minute and the suspect starts after five minutes`()
    {
        var world = Self.world(slots: 16)
        world.accept("f")
        world.takeUp("f")
        var held = 0
        for second in 0..<300 {
            world.settle()
            #expect(!Self.starts(world).contains(true), "at \(second)")
            let running = world.running.count
            world.accept("f")
            world.settle()
            if world.running.count == running {
                held += 1
            } else {
                // The first never ends; what starts beside it does.
                world.end(1)
                world.record()
            }
            while world.running.count > 1 {
                world.end(1)
                world.record()
            }
            world.pass(.seconds(1))
        }
        #expect(held == 25)
        #expect(world.state.startHolds == 5)
        world.settle()
        #expect(world.running.contains { $0.job.isSuspect })
        world.check()
    }

    @Test func `One at a time, and in turn between lanes`() {
        var world = Self.world()
        for _ in 0..<5 { world.takeUp("f", owner: "many") }
        world.takeUp("f", owner: "one")
        for _ in 0..<6 {
            world.settle()
            #expect(world.running.count == 1)
            world.check()
            Self.finish(&world)
        }
        #expect(world.starts.prefix(2).map(\.owner) == ["many", "one"])
        #expect(world.starts.count == 6)
    }

    @Test func `A suspect that runs for long keeps the next one waiting for five minutes, and nobody else`() {
        var world = Self.world()
        for _ in 0..<3 { world.takeUp("f") }
        world.settle()
        world.pass(.seconds(5))
        world.accept("f")
        world.settle()
        #expect(Self.starts(world) == [true, false])
        world.pass(.seconds(294))
        world.settle()
        #expect(Self.starts(world) == [true, false])
        world.pass(.seconds(1))
        world.settle()
        #expect(Self.starts(world) == [true, false, true])
        // The third has waited as long, and starts when one of them ends: not both at once.
        world.end(0)
        world.record()
        world.settle()
        #expect(Self.starts(world) == [true, false, true])
        world.end(1)
        world.record()
        world.settle()
        #expect(Self.starts(world) == [true, false, true, true])
        world.check()
    }

    @Test func `A suspect that has no room elsewhere holds nobody up`() {
        let bound = DispatchWorld.function("f") {
            $0.limits.concurrency = [ConcurrencyLimit(limit: 1, key: DispatchWorld.tenant)]
        }
        var world = Self.world([bound])
        world.accept("f", tenant: 1)
        world.takeUp("f", tenant: 1)
        world.accept("f", tenant: 2)
        #expect(world.running.count == 2)
        world.accept("f", tenant: 1)
        world.settle()
        #expect(world.running.count == 2)
        #expect(world.state.startHolds == 0)
        Self.finish(&world)
        Self.finish(&world)
        Self.finish(&world)
        #expect(world.starts.count == 4)
        world.check()
    }

    @Test func `A suspect that an older version left among others goes where suspects are, without an attempt`() {
        var world = Self.world()
        for _ in 0..<2 { world.accept("f") }
        world.takeUp("f", isMoved: false)
        world.settle()
        #expect(Self.starts(world) == [false, false])
        #expect(world.state.givenBack == 1)
        Self.finish(&world)
        #expect(Self.starts(world) == [false, false, true])
        world.check()
    }

    @Test func `A claim that fails or finds nothing ends the hold or goes on with it`() {
        var world = Self.world()
        world.takeUp("f")
        let hasPlanned = world.plan()
        #expect(hasPlanned)
        world.fail(0, isStoreWide: true)
        world.accept("f")
        #expect(world.running.isEmpty)
        let plansAgain = world.plan()
        #expect(plansAgain)
        // It was cancelled.
        let cancelled = world.claims[0].planned.lanes[0].lane
        world.queued["f"]?[cancelled] = nil
        world.answer()
        world.settle()
        #expect(Self.starts(world) == [false])
        #expect(!world.state.suspectTurn.isHolding)
        world.check()
    }

    @Test func `Where suspects stand is stored, so it never changes`() {
        #expect(LimitKeys.lane(ofSuspectsFrom: 0) == 6013839803997713523)
        for lane in [0, 1, Int64.min, .max] { #expect(LimitKeys.lane(ofSuspectsFrom: lane) != lane) }
    }

    @Test func `A reload that changes keys moves suspects on, and they stay suspects`() {
        var world = Self.world()
        world.accept("f")
        world.takeUp("f", tenant: 1)
        world.settle()
        world.reload(
            Deployment(
                revision: "r",
                functions: [
                    DispatchWorld.function("f") {
                        $0.limits.concurrency = [ConcurrencyLimit(limit: 1, key: DispatchWorld.tenant)]
                    }
                ], concurrency: 8))
        world.settle()
        world.pass(.seconds(5))
        world.settle()
        #expect(Self.starts(world) == [false])
        Self.finish(&world)
        #expect(Self.starts(world) == [false, true])
        world.check()
    }

    @Test func `What a suspect and what it holds up wait for is told`() throws {
        var world = Self.world()
        world.accept("f")
        world.takeUp("f")
        world.settle()
        let start = world.now.nanoseconds
        func obstacles(_ keys: JobKeys) -> [Obstacle] { world.state.obstacles("f", keys, at: world.now) }
        let suspect = try #require(world.queued["f"]?.values.first?.first)
        let keys = try #require(world.keys(of: suspect))
        #expect(obstacles(keys) == [.suspect(until: start + 300_000_000_000)])
        var other = suspect
        other.isSuspect = false
        let plain = try #require(world.keys(of: other))
        #expect(obstacles(plain) == [.held(until: start + 5_000_000_000)])
        world.pass(.seconds(5))
        #expect(obstacles(plain) == [])
    }

    @Test func `Lanes of suspects touch a bounded number of elements for each end`() {
        var world = Self.world()
        for account in 0..<2_000 { world.takeUp("f", owner: "account-\(account)") }
        var most = 0
        for _ in 0..<500 {
            world.settle()
            let before = world.state.touched
            Self.finish(&world)
            most = max(most, world.state.touched - before)
        }
        #expect(most <= 12, "\(most)")
        #expect(world.starts.count >= 500)
    }
}
