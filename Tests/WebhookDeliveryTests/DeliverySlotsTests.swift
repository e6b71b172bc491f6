import JobModel
import JobStore
import Testing

@testable import WebhookDelivery

extension DeliverySigner {
    /// Those of a name: `""` is `onComplete`, `"?"` whoever has no credentials.
    init(_ name: String) { self = name.isEmpty ? .onComplete : name == "?" ? .anonymous : .account(name) }

    /// A webhook of this signer's.
    func held(_ number: Int64, _ url: String) -> HeldDelivery {
        let owner: String? = if case .account(let name) = self { name } else { nil }
        let delivery = Delivery(
            number: number, job: JobID(row: number, random: 1), run: 1, function: "f", owner: owner,
            content: NewDelivery(audience: self == .onComplete ? .function : .caller, url: url, body: []),
            state: .pending, due: Timestamp(milliseconds: 0), used: 0, attempts: 0,
            lease: Lease(epoch: 1, number: number))
        guard let held = HeldDelivery(delivery) else { preconditionFailure("has a lease") }
        return held
    }
}

/// Who gets a slot, who waits and who stays away: a value, in times that the test names.
@Suite struct DeliverySlotsTests {
    private static let quarter = SlotBounds.total / 4

    /// Slots, and webhooks that are numbered as they come.
    private struct Bench {
        var slots = DeliverySlots()
        var number: Int64 = 0
        var started: [HeldDelivery] = []

        mutating func place(_ signer: String, _ url: String, at now: Int64 = 0) -> DeliverySlots.Place {
            number += 1
            let held = DeliverySigner(signer).held(number, url)
            let place = slots.place(held, at: now)
            if place == .start { started.append(held) }
            return place
        }

        /// How many of so many start.
        mutating func fill(_ signer: String, _ url: String, _ count: Int, at now: Int64 = 0) -> Int {
            (0..<count).count { _ in place(signer, url, at: now) == .start }
        }

        /// One at a time to receivers of which nothing is known, as many as start.
        mutating func scatter(_ signer: String, _ count: Int, at now: Int64 = 0) -> Int {
            let name = signer == "?" ? "stranger" : signer
            return (0..<count).count { index in place(signer, "http://\(name)\(index).example/", at: now) == .start }
        }

        /// The first that was started there ends.
        mutating func end(_ url: String, answers: Bool = true, after milliseconds: Int64 = 1, at now: Int64)
            -> [HeldDelivery]
        {
            guard let index = started.firstIndex(where: { $0.delivery.content.url == url }) else { return [] }
            let starting = slots.giveBack(
                started.remove(at: index), hasAnswered: answers, after: milliseconds, at: now)
            started += starting
            return starting
        }

        /// Its receiver has answered once.
        mutating func introduce(_ url: String) {
            _ = place("", url)
            _ = end(url, at: 0)
        }
    }

    @Test func `A receiver that has never answered gets two, whoever sends there, and then its share`() {
        var bench = Bench()
        #expect(bench.fill("acme", "http://new/", 100) == ReceiverQueue.unknown)
        #expect(bench.fill("other", "http://NEW:80/x", 100) == 0)
        // No answer is no answer, however it ends.
        #expect(bench.end("http://new/", answers: false, at: 10).count == 1)
        #expect(bench.started.count == 2)
        let starting = bench.end("http://new/", at: 20)
        #expect(starting.count == SignerQueue.waitingUnknown + SignerQueue.hungry - 1)
        // It stays known when nothing is under way there any more.
        while let held = bench.started.first { _ = bench.end(held.delivery.content.url, at: 30) }
        #expect(bench.slots.taken == 0 && bench.slots.waiting == 0)
        #expect(bench.fill("third", "http://new/", 20) == 20)
    }

    @Test func `What the manifest sends to a server is not held up by what callers send there`() {
        var bench = Bench()
        #expect(bench.fill("acme", "http://new/hangs", 2) == 2)
        #expect(bench.fill("", "http://new/hook", 3) == 2)
    }

    @Test func `Callers without credentials have a quarter, all of them together`() {
        var bench = Bench()
        #expect(bench.scatter("?", 200) == Self.quarter)
        #expect(bench.scatter("acme", 200) > 0)
    }

    @Test func `A quarter is kept for onComplete, however many accounts there are`() {
        var bench = Bench()
        var taken = bench.scatter("?", 200)
        for account in 0..<300 { taken += bench.scatter("a\(account)-", 20) }
        #expect(taken == SlotBounds.total - Self.quarter)
        #expect(bench.scatter("", 200) == Self.quarter)
        #expect(bench.slots.taken == SlotBounds.total)
    }

    @Test func `A signer takes three quarters of what the others left, and at least a few while there are some`() {
        var bench = Bench()
        let callers = SlotBounds.total - Self.quarter
        #expect(bench.scatter("first", 200) == callers * 3 / 4)
        #expect(bench.scatter("second", 200) == callers * 3 / 16)
        #expect(bench.scatter("third", 200) == callers / 16)
        #expect(bench.scatter("fourth", 200) == 0)
        #expect(bench.scatter("", 300) == Self.quarter)
        var other = Bench()
        #expect(other.scatter("", 300) == SlotBounds.total * 3 / 4)
        #expect(other.scatter("first", 200) == Self.quarter * 3 / 4)
        #expect(other.scatter("second", 200) == Self.quarter / 4)
    }

    @Test func `A receiver may have half of the slots, and leaves the rest to others`() {
        var bench = Bench()
        for host in ["slow", "quick", "third", "late"] { bench.introduce("https://\(host).example.com/") }
        let places = (0..<200).map { _ in bench.place("", "https://slow.example.com/") }
        #expect(places.count { $0 == .start } == SlotBounds.total / 2)
        #expect(places.count { $0 == .wait } == 200 - SlotBounds.total / 2)
        #expect(bench.place("", "https://SLOW.example.com:443/x") == .wait)
        // One signer has half of them, and another one half of the rest that is its kind's.
        #expect(bench.fill("acme", "https://quick.example.com/", 64) == 64)
        #expect(bench.fill("other", "https://late.example.com/", 17) == 17)
    }

    @Test func `A slot that becomes free goes to the signer with the fewest, then to who was served longest ago`() {
        var bench = Bench()
        for account in 0..<12 { #expect(bench.scatter("a\(account)-", 16) == 16) }
        // Nobody finds a slot; whoever has nothing waits with one.
        #expect(bench.place("x", "http://x1/") == .wait && bench.place("y", "http://y1/") == .wait)
        #expect(bench.place("a0-", "http://a0-more/") == .wait)
        var order: [String?] = []
        for _ in 0..<3 {
            order += bench.end(bench.started[0].delivery.content.url, at: 5).map(\.delivery.owner)
        }
        #expect(order == ["x", "y", "a0-"])
    }

    @Test func `What waits for a receiver that hangs goes back to the store, later and later`() {
        var bench = Bench()
        for host in ["http://hangs/", "http://quick/"] { bench.introduce(host) }
        for _ in 1...256 { _ = bench.place("", "http://hangs/") }
        #expect(bench.slots.taken == 128 && bench.slots.waiting == 128)
        #expect(bench.slots.retreat(at: 900).isEmpty)
        let gone = bench.slots.retreat(at: 1100)
        #expect(gone.count == 128 && bench.slots.waiting == 0)
        let pauses = gone.map(\.pause)
        #expect(pauses.allSatisfy { (.seconds(1)...(.seconds(3))).contains($0) })
        // One of another receiver finds a slot.
        #expect(bench.place("", "http://quick/", at: 1100) == .start)
        // A backlog of hours never stays away for hours.
        var longest = Duration.zero
        for _ in 1000...100_000 {
            if case .stayAway(let pause) = bench.place("", "http://hangs/", at: 9000) { longest = max(longest, pause) }
        }
        #expect(longest == .seconds(120))
    }

    @Test func `What waits for a signer all of whose attempts hang goes back to the store`() {
        var bench = Bench()
        #expect(bench.scatter("acme", 200) == 144)
        #expect(bench.slots.waiting == 200 - 144)
        #expect(bench.slots.retreat(at: 900).isEmpty)
        #expect(bench.slots.retreat(at: 1100).count == 200 - 144 && bench.slots.waiting == 0)
        guard case .stayAway(let pause) = bench.place("acme", "http://healthy/", at: 1200) else {
            Issue.record("it did not stay away")
            return
        }
        #expect(pause >= .seconds(1))
        #expect(bench.place("other", "http://healthy/", at: 1200) == .start)
    }

    @Test func `One attempt that hangs does not speak for its receiver`() {
        var bench = Bench()
        bench.introduce("http://a/hangs")
        #expect(bench.place("", "http://a/hangs") == .start)
        // Seconds later a burst comes for the same host, which answers everything else at once.
        #expect(bench.fill("", "http://a/", 119, at: 6000) == 119)
    }

    @Test func `A receiver whose attempts time out gets no more than the least`() {
        var bench = Bench()
        bench.introduce("http://hangs/")
        #expect(bench.fill("", "http://hangs/", 128) == 128)
        for _ in 1...100 { _ = bench.end("http://hangs/", answers: false, after: 15_000, at: 15_000) }
        #expect(bench.fill("", "http://hangs/", 128, at: 15_000) == 0)
        #expect(bench.slots.taken == 28)
        for _ in 1...20 { _ = bench.end("http://hangs/", answers: false, after: 15_000, at: 15_001) }
        _ = bench.fill("", "http://hangs/", 128, at: 15_002)
        #expect(bench.slots.taken == ReceiverQueue.sure)
    }

    @Test func `A shutdown starts nothing that waits`() {
        var bench = Bench()
        bench.introduce("http://a/")
        for signer in ["", "acme", "?"] { for _ in 0..<200 { _ = bench.place(signer, "http://a/") } }
        #expect(bench.slots.waiting > 0)
        bench.slots.dropWaiting()
        #expect(bench.slots.waiting == 0)
        while let held = bench.started.first { #expect(bench.end(held.delivery.content.url, at: 1).isEmpty) }
        #expect(bench.slots.taken == 0)
    }
}
