import JobModel
import JobStore
import PayloadSchema
import Testing

@testable import Dispatching

/// What a reload, a restart and a failure of one row do to those who wait.
@Suite struct DispatchReloadTests {
    private static func deployment(_ functions: [Function], slots: Int = 64) -> Deployment {
        Deployment(revision: "r", functions: functions, concurrency: slots)
    }

    private static func paced(_ limit: Int, per: Duration, burst: Int = 1) -> Function {
        DispatchWorld.function("paced") {
            $0.limits.throttle = [Throttle(limit: limit, per: per, burst: burst, key: DispatchWorld.tenant)]
        }
    }

    private static func bound(_ limit: Int?) -> Function {
        DispatchWorld.function("bound") {
            if let limit { $0.limits.concurrency = [ConcurrencyLimit(limit: limit)] }
        }
    }

    @Test func `An eased throttle helps at once`() {
        var world = DispatchWorld(Self.deployment([Self.paced(1, per: .seconds(3_600))]))
        for _ in 0..<20 { world.accept("paced", tenant: 1) }
        world.settle()
        #expect(world.running.count == 1)
        world.reload(Self.deployment([Self.paced(100, per: .seconds(1), burst: 100)]))
        world.settle()
        // Nothing that was saved up is given away: the rest follows the new rate.
        #expect(world.running.count == 1)
        world.pass(.milliseconds(100))
        world.settle()
        #expect(world.running.count >= 10)
    }

    @Test func `A throttle that is taken away holds nobody any more`() {
        var world = DispatchWorld(Self.deployment([Self.paced(1, per: .seconds(3_600))]))
        for _ in 0..<20 { world.accept("paced", tenant: 1) }
        world.settle()
        world.reload(Self.deployment([DispatchWorld.function("paced")]))
        world.settle()
        #expect(world.running.count == 20)
    }

    @Test func `A reload gives no burst: what a throttle has let through stays counted`() {
        var world = DispatchWorld(Self.deployment([Self.paced(1, per: .seconds(10), burst: 5)]))
        for _ in 0..<40 { world.accept("paced", tenant: 1) }
        world.settle()
        #expect(world.running.count == 5)
        for number in 0..<5 {
            world.reload(Self.deployment([Self.paced(1, per: .seconds(10), burst: 6 + number)]))
            world.settle()
        }
        #expect(world.running.count == 5)
        world.pass(.seconds(10))
        world.settle()
        #expect(world.running.count == 6)
    }

    @Test func `A concurrency that a reload adds counts what runs`() {
        var world = DispatchWorld(Self.deployment([Self.bound(nil)]))
        for _ in 0..<10 { world.accept("bound") }
        world.settle()
        #expect(world.running.count == 10)
        world.reload(Self.deployment([Self.bound(2)]))
        for _ in 0..<10 { world.accept("bound") }
        world.settle()
        #expect(world.running.count == 10)
        for _ in 0..<8 {
            world.end()
            world.record()
            world.settle()
        }
        #expect(world.running.count == 2)
        world.end()
        world.record()
        world.settle()
        #expect(world.running.count == 2)
        #expect(world.starts.count == 11)
    }

    @Test func `A call that began before a reload brings no old limit back`() throws {
        var world = DispatchWorld(Self.deployment([Self.bound(9)]))
        let keys = LimitKeys.of(
            Self.bound(9), KeySource(owner: nil, client: "", payload: nil, parameters: .null))
        world.settle()
        let reserved = world.state.reserveForAccept("bound", keys, at: world.now)
        let reservation = try #require(reserved)
        world.reload(Self.deployment([Self.bound(1)]))
        _ = world.state.resolve(door: reservation, "bound", keys, isAccepted: true, under: 0, at: world.now)
        for _ in 0..<5 { world.accept("bound") }
        world.settle()
        #expect(world.starts.isEmpty)
    }

    @Test func `After a restart lanes are read, not claimed in vain`() {
        var world = DispatchWorld(Self.deployment([Self.bound(1)], slots: 256))
        for number in 0..<5_000 {
            var job = DispatchWorld.Job(
                number: number, function: "bound", owner: "account-\(number)", due: world.now.steady, lane: 0)
            job.lane = world.keys(of: job)?.lane ?? 0
            world.insert(job)
        }
        world.scan("bound")
        for _ in 0..<200 {
            world.settle()
            #expect(world.running.count == 1)
            world.end()
            world.record()
        }
        #expect(world.state.givenBack == 0)
        #expect(world.starts.count == 200)
    }

    @Test func `Jobs of a stale lane go to the lanes of their present keys, and use no attempt`() {
        var world = DispatchWorld(Self.deployment([DispatchWorld.function("bound")], slots: 4))
        for number in 0..<300 {
            // As a version wrote them that knew no lanes by account.
            world.insert(
                DispatchWorld.Job(
                    number: number, function: "bound", owner: "account-\(number % 3)", due: world.now.steady, lane: 0))
        }
        world.scan("bound")
        for _ in 0..<300 {
            world.settle()
            world.end()
            world.record()
        }
        #expect(world.starts.count == 300)
        #expect(Set(world.starts.map(\.number)).count == 300)
        // In turn: no account waits for another's hundred.
        let first = Set(world.starts.prefix(30).compactMap(\.owner))
        #expect(first.count == 3)
    }

    @Test func `One function's long jobs leave slots to others`() {
        var world = DispatchWorld(
            Self.deployment([DispatchWorld.function("long"), DispatchWorld.function("other")], slots: 256))
        for _ in 0..<300 { world.accept("long") }
        world.settle()
        #expect(world.running.count == 192)
        world.accept("other")
        world.settle()
        #expect(world.running.last?.job.function == "other")
    }

    @Test func `A damaged row stops its own lane, not all`() {
        var world = DispatchWorld(Self.deployment([DispatchWorld.function("bound")], slots: 8))
        for number in 0..<5 {
            var job = DispatchWorld.Job(
                number: number, function: "bound", owner: "account-\(number)", due: world.now.steady, lane: 0)
            job.lane = world.keys(of: job)?.lane ?? 0
            world.insert(job)
        }
        world.scan("bound")
        let damaged = world.keys(
            of: DispatchWorld.Job(
                number: 2, function: "bound", owner: "account-2", due: world.now.steady, lane: 0))?.lane
        for _ in 0..<40 {
            world.read()
            world.plan()
            while let claim = world.claims.first {
                if claim.planned.lanes.contains(where: { $0.lane == damaged }) {
                    world.fail(0, isStoreWide: false)
                } else {
                    world.answer()
                }
            }
        }
        #expect(world.running.count == 4)
        #expect(world.state.reservations.isEmpty && world.state.slotsReserved == 0)
        // It is tried again, but not before a minute.
        world.pass(.seconds(61))
        world.settle()
        #expect(world.running.count == 5)
    }

    @Test func `Several silent targets are each tried again within five seconds, and a replaced one at once`() {
        func web(_ name: String, _ host: String) -> Function {
            DispatchWorld.function(name, target: "http://\(host)/")
        }
        let functions = (0..<4).map { web("web-\($0)", "host-\($0)") }
        var world = DispatchWorld(Self.deployment(functions, slots: 100))
        for number in 0..<4 { for _ in 0..<40 { world.accept("web-\(number)") } }
        world.settle()
        // They all hang, and time out.
        while !world.running.isEmpty {
            world.end(0, .none)
            world.record()
        }
        for _ in 0..<60 where !world.running.contains(where: { $0.job.function == "web-0" }) {
            world.pass(.milliseconds(100))
            world.settle()
        }
        for number in 1..<4 {
            #expect(world.running.contains { $0.job.function == "web-\(number)" }, "web-\(number) is not tried")
        }
        // The first probe hangs: the next comes five seconds later all the same.
        let before = world.running.count
        world.pass(.milliseconds(5_100))
        world.settle()
        #expect(world.running.count > before)
        world.reload(Self.deployment((0..<4).map { web("web-\($0)", "other-\($0)") }, slots: 100))
        world.settle()
        #expect(world.queuedCount == 0 || world.running.count >= 60)
    }
}
