import JobModel
import Testing

@testable import WebhookDelivery

/// Many signers and receivers at random, against the rules in words.
@Suite struct DeliveryPropertyTests {
    /// SplitMix64: the same numbers in every run.
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
    }

    /// What is known without the value's own books.
    private struct Books {
        var running: [HeldDelivery] = []
        var waiting: [Int64: HeldDelivery] = [:]
        var answered: Set<URLOrigin> = []

        func check(_ slots: DeliverySlots, at now: Int64) {
            let bySigner = Dictionary(grouping: running, by: \.signer).mapValues(\.count)
            let callers = running.count { $0.signer != .onComplete }
            #expect(slots.taken == running.count && running.count <= SlotBounds.total)
            #expect(callers <= SlotBounds.total - SlotBounds.kept)
            #expect(bySigner[.anonymous] ?? 0 <= SlotBounds.anonymous)
            for (receiver, held) in Dictionary(grouping: running, by: \.receiver)
            where !answered.contains(receiver.origin) {
                #expect(held.count <= ReceiverQueue.unknown, "\(receiver.origin)")
            }
            #expect(slots.waiting == waiting.count && waiting.count <= 2 * SlotBounds.total)
            // No slot is idle while something that is allowed waits.
            #expect(slots.next(at: now) == nil)
            #expect(slots.room >= 0 && slots.room <= SlotBounds.total)
        }
    }

    @Test(arguments: UInt64(1)...12)
    func `No bound is broken, and no slot idle while something that is allowed waits`(_ seed: UInt64) {
        var numbers = Numbers(state: seed)
        var slots = DeliverySlots()
        var books = Books()
        let signers = (0..<Int.random(in: 1...40, using: &numbers)).map { DeliverySigner("a\($0)") }
        let hosts = Int.random(in: 1...300, using: &numbers)
        var now: Int64 = 0
        for number in Int64(1)...4000 {
            now += Int64.random(in: 0...20, using: &numbers)
            switch Int.random(in: 0..<100, using: &numbers) {
            case 0..<60:
                let signer: DeliverySigner =
                    switch Int.random(in: 0..<4, using: &numbers) {
                    case 0: .onComplete
                    case 1: .anonymous
                    default: signers.randomElement(using: &numbers) ?? .anonymous
                    }
                let held = signer.held(number, "http://h\(Int.random(in: 0..<hosts, using: &numbers))/")
                let isIdle = !(books.running + books.waiting.values).contains { $0.signer == signer }
                switch slots.place(held, at: now) {
                case .start: books.running.append(held)
                case .wait: books.waiting[number] = held
                case .stayAway(let pause):
                    #expect(pause > .zero && pause <= .seconds(120), "\(pause)")
                    // Who has nothing is sent away for its receiver's sake only.
                    if isIdle {
                        let others = books.running + books.waiting.values
                        #expect(others.contains { $0.receiver == held.receiver })
                    }
                }
            case 60..<97:
                guard !books.running.isEmpty else { continue }
                let held = books.running.remove(at: Int.random(in: books.running.indices, using: &numbers))
                let answers = Int.random(in: 0..<3, using: &numbers) > 0
                if answers { books.answered.insert(held.receiver.origin) }
                let milliseconds = answers ? Int64.random(in: 1...400, using: &numbers) : 15_000
                let starting = slots.giveBack(held, hasAnswered: answers, after: milliseconds, at: now)
                for held in starting {
                    #expect(books.waiting.removeValue(forKey: held.delivery.number) != nil)
                    books.running.append(held)
                }
            default:
                for (held, pause) in slots.retreat(at: now) {
                    #expect(books.waiting.removeValue(forKey: held.delivery.number) != nil)
                    #expect(pause > .zero && pause <= .seconds(120))
                }
            }
            books.check(slots, at: now)
        }
        while let held = books.running.popLast() {
            books.running += slots.giveBack(held, hasAnswered: true, after: 1, at: now)
        }
        // Whatever was kept has been sent: nobody starves.
        #expect(slots.taken == 0 && slots.waiting == 0)
        for (number, signer) in signers.enumerated() {
            #expect(slots.place(signer.held(1, "http://after\(number)/"), at: now) == .start)
        }
    }
}
