import JobModel
import JobStore
import Testing

@testable import JobEngine

/// The windows of all keys: how much work one call does, and what is forgotten at the limit.
@Suite struct RateLimiterTests {
    private static let start = Timestamp(milliseconds: 1_000_000)
    private static let rule = RateLimit(limit: 1, per: .seconds(10))

    private static func counts(_ rates: RateLimiter, _ key: Int64, _ rule: RateLimit = rule, at now: Timestamp) -> Bool
    {
        if case .counted = rates.take([rule], keys: [key], at: now) { true } else { false }
    }

    @Test(arguments: [1, 2, 16, 1000])
    func `At its limit it stays there, and a call looks at a few windows whatever their number`(_ limit: Int) {
        let rates = RateLimiter(limit: limit)
        for key in 0..<Int64(4 * limit + 50) {
            let before = rates.looked
            #expect(Self.counts(rates, key, at: Self.start))
            #expect(rates.looked - before <= RateLimiter.looks)
            #expect(rates.count == min(Int(key) + 1, limit))
            // The newest is never the one that goes.
            #expect(!Self.counts(rates, key, at: Self.start))
        }
    }

    @Test func `A call with several rules looks at a few windows for each`() {
        let rates = RateLimiter(limit: 10)
        let rules = [Self.rule, RateLimit(limit: 9, per: .seconds(60))]
        for key in 0..<Int64(100) {
            let before = rates.looked
            _ = rates.take(rules, keys: [key, 1000 + key], at: Self.start)
            #expect(rates.looked - before <= 2 * RateLimiter.looks)
            #expect(rates.count <= 10)
        }
    }

    @Test func `Windows that are over make room, without anybody walking over all`() {
        let rates = RateLimiter(limit: 1000)
        for key in 0..<Int64(400) { _ = Self.counts(rates, key, at: Self.start) }
        // Among long ones, too.
        let long = RateLimit(limit: 1, per: .seconds(86_400))
        for key in 1000..<Int64(1100) { _ = Self.counts(rates, key, long, at: Self.start) }
        let later = Self.start + .seconds(10)
        for key in 2000..<Int64(2200) { _ = Self.counts(rates, key, at: later) }
        #expect(rates.count == 300)
        for key in 1000..<Int64(1100) { #expect(!Self.counts(rates, key, long, at: later)) }
    }

    @Test func `A window that is over opens again in its place, and counts that come back do not open one`() {
        let rates = RateLimiter(limit: 10)
        for round in 0..<5 {
            let now = Self.start + .seconds(Int64(round) * 10)
            #expect(Self.counts(rates, 1, at: now))
            #expect(!Self.counts(rates, 1, at: now))
            #expect(rates.count == 1)
        }
        guard case .counted(let windows, _) = rates.take([Self.rule], keys: [2], at: Self.start) else {
            Issue.record("refused")
            return
        }
        rates.giveBack(windows)
        #expect(Self.counts(rates, 2, at: Self.start))
        #expect(rates.count == 2)
    }

    @Test func `What a restart finds is held like everything else`() {
        let rates = RateLimiter(limit: 10)
        let until = Self.start + .seconds(10)
        rates.load(
            (0..<50).map { RateWindow(key: $0, openedAt: Self.start, until: until) }, at: Self.start)
        #expect(rates.count == 10)
        #expect(!Self.counts(rates, 49, at: Self.start))
    }
}
