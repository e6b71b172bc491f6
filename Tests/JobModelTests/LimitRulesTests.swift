import JobModel
import Testing

@Suite struct FixedWindowTests {
    private let rule = RateLimit(limit: 3, per: .seconds(10))
    private let start = Timestamp(milliseconds: 1_000_000)

    @Test func `A window opens with its first call, refuses past the limit, and forgets at its end`() {
        var window = FixedWindow(openedAt: start)
        do {
            let taken = window.take(rule, at: start)
            #expect(taken)
        }
        do {
            let taken = window.take(rule, at: start + .seconds(9))
            #expect(taken)
        }
        #expect(window.remaining(rule) == 1)
        do {
            let taken = window.take(rule, at: start + .milliseconds(9999))
            #expect(taken)
        }
        do {
            let taken = window.take(rule, at: start + .milliseconds(9999))
            #expect(!taken)
        }
        #expect(window.resetSeconds(rule, at: start + .milliseconds(9999)) == 1)
        #expect(window.resetSeconds(rule, at: start) == 10)
        do {
            let taken = window.take(rule, at: start + .seconds(10))
            #expect(taken)
        }
        #expect(window.openedAt == start + .seconds(10))
        #expect(window.remaining(rule) == 2)
    }

    @Test func `A call that was given back was never counted`() {
        var window = FixedWindow(openedAt: start)
        for _ in 0..<3 { _ = window.take(rule, at: start) }
        window.giveBack()
        do {
            let taken = window.take(rule, at: start)
            #expect(taken)
        }
        do {
            let taken = window.take(rule, at: start)
            #expect(!taken)
        }
    }

    /// Eight hours of random calls against a list of all accepted ones.
    @Test func `Windows agree with a model that remembers everything`() {
        var generator = Mixer(state: 21)
        for limit in [1, 3, 10] {
            let rule = RateLimit(limit: limit, per: .seconds(60))
            var window = FixedWindow(openedAt: Timestamp(milliseconds: .min / 2))
            var opened: Timestamp?
            var accepted = 0
            var now = start
            while now < start + .seconds(8 * 3600) {
                now = now + .milliseconds(Int64.random(in: 0...9000, using: &generator))
                if opened.map({ now >= $0 + .seconds(60) }) ?? true { (opened, accepted) = (now, 0) }
                let expected = accepted < limit
                if expected { accepted += 1 }
                do {
                    let taken = window.take(rule, at: now)
                    #expect(taken == expected)
                }
                #expect(window.remaining(rule) == limit - accepted)
            }
        }
    }
}

@Suite struct CellRateTests {
    private let second: Int64 = 1_000_000_000

    @Test func `Starts come evenly after the burst`() {
        let rule = Throttle(limit: 10, per: .seconds(1), burst: 3)
        var cell = CellRate()
        let now = 5 * second
        #expect(cell.available(rule, at: now) == 3)
        for left in [2, 1, 0] {
            #expect(cell.nextStart(rule, at: now) == now)
            cell.start(rule, at: now)
            #expect(cell.available(rule, at: now) == left)
        }
        #expect(cell.nextStart(rule, at: now) == now + second / 10)
        #expect(cell.available(rule, at: now + second / 10 - 1) == 0)
        #expect(cell.available(rule, at: now + second / 10) == 1)
        #expect(cell.available(rule, at: now + second) == 3)
        #expect(!cell.isIdle(at: now))
        #expect(cell.isIdle(at: now + second))
        cell.giveBack(rule)
        #expect(cell.available(rule, at: now) == 1)
    }

    @Test func `Fast rates are kept by a clock of milliseconds, extreme rules do not overflow`() {
        let fast = Throttle(limit: 5000, per: .seconds(1))
        var cell = CellRate()
        var starts = 0
        for millisecond: Int64 in stride(from: 0, to: 2000, by: 3) {
            let now = 1_000_000_000 + millisecond * 1_000_000
            for _ in 0..<cell.available(fast, at: now) {
                cell.start(fast, at: now)
                starts += 1
            }
        }
        #expect((9900...10_100).contains(starts))
        for rule in [
            Throttle(limit: 1, per: .seconds(366 * 86_400), burst: 1_000_000),
            Throttle(limit: 1_000_000_000, per: .milliseconds(1), burst: 1_000_000),
            Throttle(limit: 1, per: .seconds(Int64.max)),
        ] {
            var cell = CellRate()
            for _ in 0..<100 { cell.start(rule, at: 5_000_000) }
            #expect(cell.available(rule, at: 5_000_000) >= 0)
            #expect(cell.nextStart(rule, at: 5_000_000) >= 5_000_000)
        }
    }

    /// Eight hours of virtual time: whoever starts whenever it conforms never starts more than burst + rate · time in
    /// any stretch, and as often as that over a long one.
    @Test func `In every stretch of time no more start than the rule allows, and no fewer when all want to`() {
        var generator = Mixer(state: 33)
        for rule in [
            Throttle(limit: 5, per: .seconds(60)), Throttle(limit: 7, per: .seconds(10), burst: 4),
            Throttle(limit: 1, per: .seconds(30), burst: 2),
        ] {
            let interval = rule.per.nanoseconds / Int64(rule.limit)
            var cell = CellRate()
            var starts: [Int64] = []
            var now: Int64 = 0
            while now < 8 * 3600 * second {
                let next = cell.nextStart(rule, at: now)
                // Mostly eager, sometimes idle.
                now =
                    next
                    + (Int.random(in: 0..<50, using: &generator) == 0
                        ? Int64.random(in: 0...(100 * second), using: &generator) : 0)
                #expect(cell.available(rule, at: now) > 0)
                cell.start(rule, at: now)
                starts.append(now)
            }
            for index in starts.indices where index >= rule.burst {
                #expect(starts[index] - starts[index - rule.burst] >= interval)
            }
            for (index, start) in starts.enumerated().dropFirst(50) {
                let past = starts[index - 50]
                #expect(Int64(50 - rule.burst) * interval <= start - past)
            }
            #expect(starts.count > 8 * 3600 * Int(second / (interval / 1000)) / 1000 / 3)
        }
    }
}
