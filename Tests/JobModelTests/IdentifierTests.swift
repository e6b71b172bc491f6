import Foundation
import JobModel
import Testing

@Suite struct IdentifierTests {
    @Test func `An id is a lower-case UUIDv7 and comes back from its text`() throws {
        for row: Int64 in [1, 0x7FFF, 0x8000, Int64.max, 1_763_719_200_000 << 15 | 5] {
            for random: UInt64 in [0, 1, JobID.randomBits, 0x123_4567_89AB_CDEF] {
                let id = JobID(row: row, random: random)
                let text = id.description
                #expect(JobID(text) == id)
                #expect(JobID(text.uppercased()) == id)
                #expect(text == text.lowercased())
                let uuid = try #require(UUID(uuidString: text)).uuid
                #expect(uuid.6 >> 4 == 7)
                #expect(uuid.8 >> 6 == 0b10)
            }
        }
    }

    @Test(arguments: [
        "", "x", "0199a0e0-0000-7000-8000-00000000000", "0199a0e0-0000-7000-8000-0000000000000",
        "0199a0e000-00-7000-8000-000000000000", "0199a0e0-0000-7000-8000-00000000000g",
        "{0199a0e0-0000-7000-8000-00000000}",
        "0199a0e0-0000-7000-8000-00000000000é",
    ])
    func `What is no UUID is none`(_ text: String) {
        #expect(UUIDBits(text) == nil)
        #expect(JobID(text) == nil)
    }

    @Test func `A UUID of another version is not an id`() {
        #expect(UUIDBits("f47ac10b-58cc-4372-a567-0e02b2c3d479") != nil)
        #expect(JobID("f47ac10b-58cc-4372-a567-0e02b2c3d479") == nil)
    }

    @Test func `Ids rise through one millisecond, clocks that go back, and restarts`() {
        var generator = Mixer(state: 1)
        var sequence = JobIDSequence()
        var last = JobID(row: 0, random: 0)
        var now: Int64 = 1_763_719_200_000
        for step in 0..<200_000 {
            if step % 1000 == 0 { now += Int64.random(in: -5000...5000, using: &generator) }
            if step % 4000 == 0 { sequence = JobIDSequence(last: last.row) }
            let id = sequence.next(now: Timestamp(milliseconds: now), random: generator.next())
            #expect(id.row > last.row)
            last = id
        }
    }

    @Test func `Two hundred thousand ids fit into one millisecond`() {
        var sequence = JobIDSequence()
        let now = Timestamp(milliseconds: 1_763_719_200_000)
        var texts = Set<String>()
        for _ in 0..<200_000 { texts.insert(sequence.next(now: now, random: 0).description) }
        #expect(texts.count == 200_000)
        #expect(texts.sorted().first == JobID(row: now.milliseconds << 15, random: 0).description)
    }

    @Test func `A clock out of its range does not trap`() {
        var sequence = JobIDSequence()
        #expect(sequence.next(now: Timestamp(milliseconds: .min), random: .max).row > 0)
        #expect(sequence.next(now: Timestamp(milliseconds: .max), random: .max).row > 0)
        sequence = JobIDSequence(last: .max)
        #expect(sequence.next(now: Timestamp(milliseconds: 0), random: 0).row == .max)
    }
}

@Suite struct TimestampTests {
    @Test func `ISO 8601 is written as Foundation writes it, and read back`() throws {
        var generator = Mixer(state: 3)
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        for _ in 0..<2000 {
            let time = Timestamp(
                milliseconds: Int64.random(in: -11_000_000_000_000...250_000_000_000_000, using: &generator))
            let expected = formatter.string(from: Date(timeIntervalSince1970: Double(time.milliseconds) / 1000))
            // Foundation rounds the double; compare whole seconds.
            #expect(time.description.prefix(19) == expected.prefix(19) || time.milliseconds % 1000 > 998)
            #expect(Timestamp(rfc3339: time.description) == time)
        }
        #expect(Timestamp(milliseconds: 1_779_184_800_000).description == "2026-05-19T10:00:00.000Z")
    }

    @Test(arguments: [
        ("2026-05-19T10:00:00Z", 1_779_184_800_000), ("2026-05-19t12:00:00.5+02:00", 1_779_184_800_500),
        ("2026-05-19 09:30:00.1239-00:30", 1_779_184_800_123), ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
    ])
    func `RFC 3339 is read`(_ text: String, _ milliseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "2026-05-19", "2026-05-19T10:00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-05-19T24:00:00Z",
        "2026-05-19T10:00:00.Z", "2026-05-19T10:00:00+2:00", "2026-05-19T10:00:00Zx", "26-05-19T10:00:00Z",
        "2026-05-19T10:60:00Z", "2026-05-00T10:00:00Z", "٢٠٢٦-05-19T10:00:00Z",
    ])
    func `What is no time is none`(_ text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func `Sums saturate`() {
        #expect(Timestamp(milliseconds: .max) + .seconds(1) == Timestamp(milliseconds: .max))
        #expect(Timestamp(milliseconds: .min) + .seconds(-1) == Timestamp(milliseconds: .min))
        #expect(Duration.seconds(Int64.max).milliseconds == .max)
        #expect((Timestamp(milliseconds: .max) - Timestamp(milliseconds: .min)).milliseconds == .max)
    }

    @Test(arguments: [
        ("250ms", 250), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("7d", 604_800_000), ("0s", 0),
    ])
    func `Durations are written with one unit`(_ text: String, _ milliseconds: Int64) {
        let duration = Duration(written: text)
        #expect(duration?.milliseconds == milliseconds)
        #expect(duration?.written == text)
    }

    @Test(arguments: [
        "", "5", "s", "5 s", "1.5s", "-1s", "5S", "1h30m", "99999999999999999999s", "999999999999999999d", "٥s",
    ])
    func `Other durations are none`(_ text: String) {
        #expect(Duration(written: text) == nil)
    }

    @Test func `Whole seconds are rounded up`() {
        #expect(Duration.milliseconds(1).secondsRoundedUp == 1)
        #expect(Duration.milliseconds(1000).secondsRoundedUp == 1)
        #expect(Duration.milliseconds(-5).secondsRoundedUp == 0)
    }
}

struct Mixer: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ (state >> 29)) &* 0x94D0_49BB_1331_11EB
    }
}
