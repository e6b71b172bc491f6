import JobModel
import Testing

@testable import Timing

@Suite struct AlarmClockTests {
    private let clock = SystemClock()

    @Test func `A sleep is over at its time, not before`() async throws {
        for milliseconds in [1, 5, 20] as [Int64] {
            let due = clock.now().monotonic + milliseconds
            try await clock.sleep(untilMonotonic: due)
            #expect(clock.now().monotonic >= due)
        }
        try await clock.sleep(untilMonotonic: clock.now().monotonic - 1)
    }

    @Test func `Sleepers wake in the order of their times, whatever order they came in`() async throws {
        let clock = clock
        let start = clock.now().monotonic
        let order = try await withThrowingTaskGroup(of: Int64.self) { group in
            for delay in [60, 20, 100, 40, 80] as [Int64] {
                group.addTask {
                    try await clock.sleep(untilMonotonic: start + delay)
                    #expect(clock.now().monotonic >= start + delay)
                    return delay
                }
            }
            return try await group.reduce(into: [Int64]()) { $0.append($1) }
        }
        #expect(order.sorted() == [20, 40, 60, 80, 100])
    }

    @Test func `A cancelled sleep ends at once and leaves nothing behind`() async throws {
        let clock = clock
        for due in [Int64.max, clock.now().monotonic + 3_600_000] {
            let sleeper = Task { try await clock.sleep(untilMonotonic: due) }
            sleeper.cancel()
            await #expect(throws: CancellationError.self) { try await sleeper.value }
        }
        for _ in 0..<2000 {
            let sleeper = Task { try await clock.sleep(untilMonotonic: clock.now().monotonic + 3_600_000) }
            await Task.yield()
            sleeper.cancel()
            _ = await sleeper.result
        }
        // Others sleep too while tests run, but not thousands.
        let counts = AlarmClock.shared.counts
        #expect(counts.alarms <= 2 * counts.awaited + 64)
        #expect(counts.awaited < 1000)
    }

    @Test func `An alarm rings once at its time, and one that is taken back never`() async {
        let clock = clock
        let rung = OneShot<Int64>()
        let start = clock.now().monotonic
        let early = clock.alarm(atMonotonic: start + 2000) { Issue.record("it was taken back") }
        clock.dismiss(early)
        let late = clock.alarm(atMonotonic: start + 20) {
            if !rung.set(clock.now().monotonic) { Issue.record("it rang twice") }
        }
        #expect(await rung.value() ?? 0 >= start + 20)
        clock.dismiss(late)
        // Later than the early one: what was to ring has rung.
        try? await clock.sleep(untilMonotonic: start + 2010)
    }

    @Test func `A nearer time shortens the wait for a farther one`() async throws {
        let clock = clock
        let far = Task { try await clock.sleep(untilMonotonic: clock.now().monotonic + 3_600_000) }
        await Task.yield()
        try await clock.sleep(untilMonotonic: clock.now().monotonic + 10)
        far.cancel()
    }
}
