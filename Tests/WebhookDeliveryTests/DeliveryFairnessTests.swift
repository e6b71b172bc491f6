import JobModel
import JobStore
import Testing

@testable import WebhookDelivery

/// Receivers of different speed, and a store that hands out what is due, in simulated time.
@Suite struct DeliveryFairnessTests {
    /// The webhooks of one signer for one receiver, which come at once.
    private struct Backlog {
        var host: String
        var count: Int
        /// What an answer takes, in milliseconds; nil: it hangs until it has timed out.
        var answer: Int64?
        var signer = ""
        /// When they come.
        var at: Int64 = 0
    }

    /// What became of the webhooks of one receiver.
    private struct Tally: Equatable {
        var delivered = 0
        /// When the last one arrived, in milliseconds.
        var last: Int64 = 0
        /// How often one was sent back to the store.
        var sentAway = 0
    }

    private static let timeout: Int64 = 15_000

    private struct Row {
        var at: Int64
        var number: Int64
        var backlog: Int
    }

    /// Runs until everything has been sent once, or the time is up.
    private func run(_ backlogs: [Backlog], until end: Int64) -> [String: Tally] {
        var slots = DeliverySlots()
        var tallies: [String: Tally] = [:]
        var due: [Row] = []
        for (index, backlog) in backlogs.enumerated() {
            for _ in 0..<backlog.count { due.append(Row(at: backlog.at, number: Int64(due.count + 1), backlog: index)) }
        }
        let numbers = due.map(\.backlog)
        func backlog(_ held: HeldDelivery) -> Backlog { backlogs[numbers[Int(held.delivery.number) - 1]] }
        var running: [Int64: [HeldDelivery]] = [:]
        func start(_ held: HeldDelivery, at now: Int64) {
            running[now + (backlog(held).answer ?? Self.timeout), default: []].append(held)
        }
        var nextLook: Int64 = 0
        for now in 0..<end {
            for held in running.removeValue(forKey: now) ?? [] {
                let backlog = backlog(held)
                if backlog.answer != nil {
                    tallies[backlog.host, default: Tally()].delivered += 1
                    tallies[backlog.host]?.last = now
                }
                let starting = slots.giveBack(
                    held, hasAnswered: backlog.answer != nil, after: backlog.answer ?? Self.timeout, at: now)
                for next in starting { start(next, at: now) }
            }
            func putBack(_ held: HeldDelivery, _ pause: Duration) {
                let number = held.delivery.number
                due.append(Row(at: now + pause.milliseconds, number: number, backlog: numbers[Int(number) - 1]))
                tallies[backlog(held).host, default: Tally()].sentAway += 1
            }
            for (held, pause) in slots.retreat(at: now) { putBack(held, pause) }
            var limit = slots.room
            if limit == 0, now >= nextLook { limit = SlotBounds.total }
            if limit > 0 { nextLook = now + 250 }
            if limit > 0 {
                // Stable: what is due earlier comes first, then the lower number.
                due.sort { ($0.at, $0.number) < ($1.at, $1.number) }
                let claimed = Array(due.prefix { $0.at <= now }.prefix(limit))
                due.removeFirst(claimed.count)
                for row in claimed {
                    let backlog = backlogs[row.backlog]
                    let held = DeliverySigner(backlog.signer).held(row.number, "http://\(backlog.host)/")
                    switch slots.place(held, at: now) {
                    case .start: start(held, at: now)
                    case .wait: break
                    case .stayAway(let pause): putBack(held, pause)
                    }
                }
            }
            if due.isEmpty, running.isEmpty { break }
        }
        return tallies
    }

    private func run(_ backlogs: [(host: String, count: Int, answer: Int64?)], until end: Int64) -> [String: Tally] {
        run(backlogs.map { Backlog(host: $0.host, count: $0.count, answer: $0.answer) }, until: end)
    }

    @Test func `A quick receiver's backlog is never sent back to the store`() {
        let tallies = run(
            [Backlog(host: "quick", count: 1, answer: 5), Backlog(host: "quick", count: 4999, answer: 5, at: 10)],
            until: 2000)
        #expect(tallies["quick"]?.delivered == 5000 && tallies["quick"]?.sentAway == 0)
        // 128 at a time, 5 ms each.
        #expect((tallies["quick"]?.last ?? .max) < 260)
    }

    @Test(arguments: ["acme", "?"]) func `Nor is that of a caller, whose share is smaller`(_ signer: String) {
        let first = Backlog(host: "quick", count: 1, answer: 5, signer: signer)
        let rest = Backlog(host: "quick", count: 1999, answer: 5, signer: signer, at: 10)
        let tallies = run([first, rest], until: 2000)
        #expect(tallies["quick"]?.delivered == 2000 && tallies["quick"]?.sentAway == 0)
        #expect((tallies["quick"]?.last ?? .max) < 250)
    }

    @Test func `A receiver that is slow to answer for the first time is not held against its backlog`() {
        let tallies = run([("cold", 1, 1200), ("cold", 400, 5)], until: 60_000)
        #expect(tallies["cold"]?.delivered == 401)
        #expect((tallies["cold"]?.last ?? .max) < 6000)
    }

    @Test func `Behind the backlog of one that hangs others are served within seconds`() {
        let tallies = run([("hangs", 1500, nil), ("quick", 300, 5), ("other", 300, 50)], until: 8000)
        for host in ["quick", "other"] {
            #expect(tallies[host]?.delivered == 300, "\(host)")
            #expect((tallies[host]?.last ?? .max) < 3000, "\(host)")
        }
    }

    @Test func `Behind the backlog of a slow one others are served within seconds, and it is kept busy`() {
        let tallies = run([("slow", 2000, 900), ("quick", 300, 5)], until: 40_000)
        #expect(tallies["quick"]?.delivered == 300)
        #expect((tallies["quick"]?.last ?? .max) < 4000)
        #expect(tallies["slow"]?.delivered == 2000)
        // 2,000 take 14 s at 128 at a time.
        #expect((tallies["slow"]?.last ?? .max) < 24_000)
    }

    @Test func `Four that hang leave slots for a fifth that does not`() {
        let hanging = (1...4).map { ("hangs\($0)", 400, Int64?.none) }
        let tallies = run(hanging + [("quick", 300, 5)], until: 8000)
        #expect(tallies["quick"]?.delivered == 300)
    }

    @Test func `Behind hundreds of hanging receivers of strangers, onComplete is sent at once`() {
        let hanging = (0..<40).map { Backlog(host: "evil\($0)", count: 20, signer: "?") }
        let hook = Backlog(host: "ours", count: 20, answer: 5, at: 500)
        let account = Backlog(host: "theirs", count: 20, answer: 5, signer: "acme", at: 500)
        let tallies = run(hanging + [hook, account], until: 4000)
        for host in ["ours", "theirs"] {
            #expect(tallies[host]?.delivered == 20 && (tallies[host]?.last ?? .max) < 700, "\(host)")
        }
    }

    @Test func `Behind a new receiver's burst others are served at once`() {
        let tallies = run(
            [
                Backlog(host: "new", count: 1000, answer: 300, signer: "acme"),
                Backlog(host: "other", count: 20, answer: 5, signer: "other", at: 100),
            ], until: 20_000)
        #expect(tallies["other"]?.delivered == 20 && (tallies["other"]?.last ?? .max) < 300)
        #expect(tallies["new"]?.delivered == 1000)
        // 96 at a time, once it has answered.
        #expect((tallies["new"]?.last ?? .max) < 6000)
    }

    @Test func `One account with hundreds of hanging receivers starves no other`() {
        let hanging = (0..<400).map { Backlog(host: "evil\($0)", count: 5, signer: "evil") }
        let others = (0..<60).map { Backlog(host: "good\($0)", count: 10, answer: 20, signer: "a\($0)", at: 1000) }
        let tallies = run(hanging + others, until: 8000)
        for host in others.map(\.host) {
            #expect(tallies[host]?.delivered == 10 && (tallies[host]?.last ?? .max) < 3000, "\(host)")
        }
    }

    @Test func `However many accounts hang, one that comes late is served as soon as a slot is free`() {
        let hanging = (0..<20).flatMap { account in
            (0..<40).map { Backlog(host: "evil\(account)-\($0)", count: 3, signer: "evil\(account)") }
        }
        let late = Backlog(host: "late", count: 5, answer: 20, signer: "late", at: 2000)
        let ours = Backlog(host: "ours", count: 5, answer: 20, at: 2000)
        let tallies = run(hanging + [late, ours], until: 40_000)
        #expect(tallies["ours"]?.delivered == 5 && (tallies["ours"]?.last ?? .max) < 2500)
        // The attempts that began first end after 15 s, then four of them go, and the fifth has the next turn.
        #expect(tallies["late"]?.delivered == 5 && (tallies["late"]?.last ?? .max) < 33_000)
    }
}
