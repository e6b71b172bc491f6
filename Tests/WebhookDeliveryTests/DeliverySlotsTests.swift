import JobModel
import JobStore
import Testing

@testable import WebhookDelivery

/// Who gets a slot, who waits and who stays away: a value, in times that the test names.
@Suite struct DeliverySlotsTests {
    private static func held(_ number: Int64, _ url: String) -> HeldDelivery {
        let delivery = Delivery(
            number: number, job: JobID(row: number, random: 1), run: 1, function: "f", owner: nil,
            content: NewDelivery(audience: .caller, url: url, body: []), state: .pending,
            due: Timestamp(milliseconds: 0), used: 0, attempts: 0, lease: Lease(epoch: 1, number: number))
        guard let held = HeldDelivery(delivery) else { preconditionFailure("has a lease") }
        return held
    }

    @Test func `One receiver may have half of the slots, and leaves the rest to others`() {
        var slots = DeliverySlots()
        var number: Int64 = 0
        func fill(_ host: String, _ count: Int) -> [DeliverySlots.Place] {
            (0..<count).map { _ in
                number += 1
                return slots.place(Self.held(number, "https://\(host).example.com/\(number)"), at: 0)
            }
        }
        let slow = fill("slow", 200)
        #expect(slow.count { $0 == .start } == DeliverySlots.total / 2)
        #expect(slow.count { $0 == .wait } == 200 - DeliverySlots.total / 2)
        // The same host in other letters is the same receiver.
        #expect(fill("SLOW", 1) == [.wait])
        #expect(fill("quick", 64).allSatisfy { $0 == .start })
        #expect(fill("third", 32).allSatisfy { $0 == .start })
        // Whoever comes late gets the least that everybody gets.
        #expect(fill("late", 17).count { $0 == .start } == 16)
    }

    @Test func `The place of one that ends goes to the next of its receiver, then of others`() {
        var slots = DeliverySlots()
        for number: Int64 in 1...130 { _ = slots.place(Self.held(number, "http://a/"), at: 0) }
        #expect(slots.taken == 128 && slots.waiting == 2)
        #expect(slots.giveBack("http://a/", after: 1, at: 1)?.delivery.number == 129)
        // However long it has waited.
        #expect(slots.giveBack("http://a/", after: 1, at: 60_000)?.delivery.number == 130)
        #expect(slots.giveBack("http://a/", after: 1, at: 60_000) == nil)
        #expect(slots.taken == 127 && slots.waiting == 0)
        for number: Int64 in 200...400 { _ = slots.place(Self.held(number, "http://b/"), at: 60_000) }
        #expect(slots.waiting > 0)
        // As many as are free, one more than it has.
        #expect(slots.giveBack("http://a/", after: 1, at: 60_001) == nil)
        #expect(slots.giveBack("http://a/", after: 1, at: 60_001)?.delivery.content.url == "http://b/")
        slots.dropWaiting()
        #expect(slots.waiting == 0 && slots.giveBack("http://b/", after: 1, at: 60_002) == nil)
    }

    @Test func `What waits for a receiver that hangs goes back to the store, later and later`() throws {
        var slots = DeliverySlots()
        for number: Int64 in 1...256 { _ = slots.place(Self.held(number, "http://hangs/"), at: 0) }
        #expect(slots.taken == 128 && slots.waiting == 128 && slots.room == 0)
        #expect(slots.retreat(at: 900).isEmpty)
        let gone = slots.retreat(at: 1100)
        #expect(gone.count == 128 && slots.waiting == 0 && slots.room == 128)
        let pauses = gone.map(\.pause)
        #expect(pauses == pauses.sorted() && pauses.allSatisfy { (.seconds(1)...(.seconds(3))).contains($0) })
        // One of another receiver finds a slot.
        #expect(slots.place(Self.held(300, "http://quick/"), at: 1100) == .start)
        // A backlog of hours never stays away for hours.
        var longest = Duration.zero
        for number: Int64 in 1000...100_000 {
            if case .stayAway(let pause) = slots.place(Self.held(number, "http://hangs/"), at: 9000) {
                longest = max(longest, pause)
            }
        }
        #expect(longest == .seconds(120))
    }

    @Test func `One attempt that hangs does not speak for its receiver`() {
        var slots = DeliverySlots()
        #expect(slots.place(Self.held(1, "http://a/hangs"), at: 0) == .start)
        // Seconds later a burst comes for the same host, which answers everything else at once.
        let places = (2...120).map { slots.place(Self.held($0, "http://a/\($0)"), at: 6000) }
        #expect(places.allSatisfy { $0 == .start })
    }

    @Test func `A receiver whose attempts time out gets no more than the least`() {
        var slots = DeliverySlots()
        for number: Int64 in 1...128 { _ = slots.place(Self.held(number, "http://hangs/"), at: 0) }
        for _ in 1...128 { #expect(slots.giveBack("http://hangs/", after: 15_000, at: 15_000) == nil) }
        #expect(slots.taken == 0)
        for number: Int64 in 1...128 { _ = slots.place(Self.held(number, "http://hangs/"), at: 15_000) }
        // It was forgotten when it was idle: what it is like is found out anew, at the cost of one timeout.
        #expect(slots.taken == 128)
        for _ in 1...100 { _ = slots.giveBack("http://hangs/", after: 15_000, at: 30_000) }
        for number: Int64 in 1...128 { _ = slots.place(Self.held(number, "http://hangs/"), at: 30_000) }
        #expect(slots.taken == 28)
        for _ in 1...20 { _ = slots.giveBack("http://hangs/", after: 15_000, at: 30_001) }
        for number: Int64 in 1...128 { _ = slots.place(Self.held(number, "http://hangs/"), at: 30_002) }
        #expect(slots.taken == ReceiverQueue.sure)
    }
}

/// Receivers of different speed, and a store that hands out what is due, in simulated time.
@Suite struct DeliveryFairnessTests {
    /// What became of the webhooks of one receiver.
    private struct Tally: Equatable {
        var delivered = 0
        /// When the last one arrived, in milliseconds.
        var last: Int64 = 0
        /// How often one was sent back to the store.
        var sentAway = 0
    }

    /// Runs until everything that can arrive has, or the time is up.
    ///
    /// - Parameters:
    ///   - backlog: receivers in the order in which their webhooks are due, each with how many and what an answer takes, in
    ///     milliseconds.
    private func run(_ backlog: [(host: String, count: Int, answer: Int64)], until end: Int64) -> [String: Tally] {
        let answers = Dictionary(uniqueKeysWithValues: backlog.map { ($0.host, $0.answer) })
        var slots = DeliverySlots()
        var tallies: [String: Tally] = [:]
        var number: Int64 = 0
        var due: [(at: Int64, number: Int64, host: String)] = backlog.flatMap { receiver in
            (0..<receiver.count).map { _ in
                number += 1
                return (0, number, receiver.host)
            }
        }
        var running: [Int64: [(held: HeldDelivery, host: String)]] = [:]
        func host(_ held: HeldDelivery) -> String { held.delivery.function }
        func start(_ held: HeldDelivery, at now: Int64) {
            running[now + (answers[host(held)] ?? 1), default: []].append((held, host(held)))
        }
        for now in 0..<end {
            for (held, host) in running.removeValue(forKey: now) ?? [] {
                tallies[host, default: Tally()].delivered += 1
                tallies[host]?.last = now
                if let next = slots.giveBack(held.delivery.content.url, after: answers[host] ?? 1, at: now) {
                    start(next, at: now)
                }
            }
            func putBack(_ held: HeldDelivery, _ pause: Duration) {
                due.append((now + pause.milliseconds, held.delivery.number, host(held)))
                tallies[host(held), default: Tally()].sentAway += 1
            }
            for (held, pause) in slots.retreat(at: now) { putBack(held, pause) }
            var claimed: [(at: Int64, number: Int64, host: String)] = []
            if slots.room > 0 {
                // Stable: what is due earlier comes first, then the lower number.
                due.sort { ($0.at, $0.number) < ($1.at, $1.number) }
                claimed = Array(due.prefix { $0.at <= now }.prefix(slots.room))
                due.removeFirst(claimed.count)
            }
            for row in claimed {
                let delivery = Delivery(
                    number: row.number, job: JobID(row: row.number, random: 1), run: 1, function: row.host, owner: nil,
                    content: NewDelivery(audience: .caller, url: "http://\(row.host)/", body: []), state: .pending,
                    due: Timestamp(milliseconds: 0), used: 0, attempts: 0, lease: Lease(epoch: 1, number: row.number))
                guard let held = HeldDelivery(delivery) else { continue }
                switch slots.place(held, at: now) {
                case .start: start(held, at: now)
                case .wait: break
                case .stayAway(let pause): putBack(held, pause)
                }
            }
            if due.isEmpty, running.isEmpty { break }
        }
        return tallies
    }

    @Test func `A quick receiver's backlog is never sent back to the store`() {
        let tallies = run([("quick", 5000, 5)], until: 2000)
        #expect(tallies["quick"]?.delivered == 5000 && tallies["quick"]?.sentAway == 0)
        // 128 at a time, 5 ms each.
        #expect((tallies["quick"]?.last ?? .max) < 250)
    }

    @Test func `Behind the backlog of one that hangs others are served within seconds`() {
        let tallies = run([("hangs", 1500, 1_000_000), ("quick", 300, 5), ("other", 300, 50)], until: 8000)
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
        #expect((tallies["slow"]?.last ?? .max) < 21_000)
    }

    @Test func `Four that hang leave slots for a fifth that does not`() {
        let hanging = (1...4).map { ("hangs\($0)", 400, Int64(1_000_000)) }
        let tallies = run(hanging + [("quick", 300, 5)], until: 8000)
        #expect(tallies["quick"]?.delivered == 300)
    }
}
