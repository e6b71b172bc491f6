internal import PayloadSchema

/// A job's id: a lower-case UUIDv7 (RFC 9562, section 5.7) that carries its own row number.
///
/// 48 bits of milliseconds and a 15-bit counter in the leading random bits (section 6.2, method 1) make the row; the
/// other 59 bits are random, so that an id cannot be guessed from its neighbour. Never derive a time from an id: under
/// load it runs ahead of the clock.
package struct JobID: Hashable, Sendable {
    /// The primary key in the store: positive, rising with every job.
    package let row: Int64
    /// 59 random bits; an id whose row exists but whose random bits differ is unknown.
    package let random: UInt64

    package static let randomBits: UInt64 = 1 << 59 - 1

    package init(row: Int64, random: UInt64) {
        self.row = row & Int64.max
        self.random = random & Self.randomBits
    }

    /// The id in a UUID, or nil when that is not of version 7 and the RFC's variant: then no job has it.
    package init?(_ uuid: UUIDBits) {
        guard uuid.high >> 12 & 0xF == 7, uuid.low >> 62 == 0b10 else { return nil }
        let milliseconds = uuid.high >> 16
        let counter = (uuid.high & 0xFFF) << 3 | uuid.low >> 59 & 0b111
        row = Int64(milliseconds << 15 | counter)
        random = uuid.low & Self.randomBits
    }

    /// nil for what is not a UUID, or not an id of ours.
    package init?(_ text: some StringProtocol) {
        guard let bits = UUIDBits(text) else { return nil }
        self.init(bits)
    }
}

extension JobID: CustomStringConvertible {
    package var description: String { uuid.description }

    package var uuid: UUIDBits {
        let row = UInt64(row)
        let counter = row & 0x7FFF
        let high = ((row >> 15) << 16) | (7 << 12) | (counter >> 3)
        let low: UInt64 = (0b10 << 62) | ((counter & 0b111) << 59) | random
        return UUIDBits(high: high, low: low)
    }
}

/// The 128 bits of a UUID in its text form (RFC 9562, section 4): 8-4-4-4-12 hex digits, either case.
package struct UUIDBits: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package init?(_ text: some StringProtocol) {
        var words: (UInt64, UInt64) = (0, 0)
        var position = 0
        for byte in text.utf8 {
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
            } else {
                guard position < 36, let digit = Hexadecimal.value(of: byte) else { return nil }
                if position < 18 {
                    words.0 = words.0 << 4 | UInt64(digit)
                } else {
                    words.1 = words.1 << 4 | UInt64(digit)
                }
            }
            position += 1
        }
        guard position == 36 else { return nil }
        (high, low) = words
    }

    package var description: String { text(dashes: true) }

    /// 32 digits without dashes.
    package var hex: String { text(dashes: false) }

    private func text(dashes: Bool) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digits in
            Hexadecimal.write(high, to: digits, at: 0)
            Hexadecimal.write(low, to: digits, at: 16)
            return String(unsafeUninitializedCapacity: 36) { buffer in
                var position = 0
                for (index, digit) in digits.enumerated() {
                    if dashes, index == 8 || index == 12 || index == 16 || index == 20 {
                        buffer[position] = UInt8(ascii: "-")
                        position += 1
                    }
                    buffer[position] = digit
                    position += 1
                }
                return position
            }
        }
    }
}

/// Makes ids that only rise: `last = max(last + 1, now << 15)`.
///
/// Unique and rising through any number of ids in one millisecond, clocks that go back, and restarts, provided that
/// `last` starts from the largest row in the store.
package struct JobIDSequence: Sendable {
    private var last: Int64

    package init(last: Int64 = 0) {
        self.last = last
    }

    /// `random` needs 59 good bits.
    package mutating func next(now: Timestamp, random: UInt64) -> JobID {
        // 48 bits of milliseconds last until the year 10889; a clock beyond that is clamped.
        let milliseconds = min(max(0, now.milliseconds), 1 << 48 - 1)
        last = last == .max ? .max : max(last + 1, milliseconds << 15)
        return JobID(row: last, random: random)
    }
}
