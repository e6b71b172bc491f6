/// A point in wall-clock time, in whole milliseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// Saturates at the ends of Int64.
    package static func + (time: Timestamp, duration: Duration) -> Timestamp {
        let (sum, overflow) = time.milliseconds.addingReportingOverflow(duration.milliseconds)
        return Timestamp(milliseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// How long after `earlier` this is; negative when it is before.
    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        let (difference, overflow) = later.milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        return .milliseconds(overflow ? (later < earlier ? Int64.min : Int64.max) : difference)
    }
}

extension Duration {
    /// Whole milliseconds, rounded down; clamped to Int64.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }

    /// Seconds as a fraction.
    package var inSeconds: Double { Double(milliseconds) / 1000 }

    /// Whole seconds, rounded up: what a `Retry-After` field can say (RFC 9110, section 10.2.3).
    package var secondsRoundedUp: Int64 {
        let milliseconds = max(0, milliseconds)
        return milliseconds / 1000 + (milliseconds % 1000 == 0 ? 0 : 1)
    }
}

extension Timestamp: CustomStringConvertible {
    /// ISO 8601 with milliseconds and `Z`, the form of every time that Sluice writes: `2026-05-19T10:00:00.000Z`.
    package var description: String {
        // Days to civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let millisecondsPerDay: Int64 = 86_400_000
        let days = milliseconds.flooredDivision(by: millisecondsPerDay)
        // Not by the days times their length, which is out of range for the first day that there is.
        let rest = (milliseconds % millisecondsPerDay + millisecondsPerDay) % millisecondsPerDay
        let shifted = days + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        // Written digit by digit: every answer and every log line has several.
        guard (0...9999).contains(year) else {
            return "\(year)-\(month)-\(day)T\(rest / 3_600_000):\(rest / 60_000 % 60):\(rest / 1000 % 60)Z"
        }
        return String(unsafeUninitializedCapacity: 24) { buffer in
            var position = 0
            func put(_ number: Int64, _ width: Int, _ end: Character) {
                var number = number
                for digit in (position..<position + width).reversed() {
                    buffer[digit] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10)
                    number /= 10
                }
                buffer[position + width] = end.asciiValue ?? 0
                position += width + 1
            }
            put(year, 4, "-")
            put(month, 2, "-")
            put(day, 2, "T")
            put(rest / 3_600_000, 2, ":")
            put(rest / 60_000 % 60, 2, ":")
            put(rest / 1000 % 60, 2, ".")
            put(rest % 1000, 3, "Z")
            return position
        }
    }

    /// RFC 3339, section 5.6: `2026-05-19T10:00:00.5+02:00`. A leap second counts as the second after it.
    /// nil for anything else, a date that does not exist included.
    package init?(rfc3339 text: String) {
        var reader = DigitReader(text)
        guard let year = reader.number(4), reader.take("-"), let month = reader.number(2), reader.take("-"),
            let day = reader.number(2), reader.take("T") || reader.take("t") || reader.take(" "),
            let hour = reader.number(2), reader.take(":"), let minute = reader.number(2), reader.take(":"),
            let second = reader.number(2), (1...12).contains(month), hour < 24, minute < 60, second <= 60
        else { return nil }
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        guard day >= 1, day <= lengths[Int(month) - 1] else { return nil }
        var fraction: Int64 = 0
        if reader.take(".") {
            guard let milliseconds = reader.fraction() else { return nil }
            fraction = milliseconds
        }
        var offset: Int64 = 0
        if !reader.take("Z"), !reader.take("z") {
            let sign: Int64
            if reader.take("+") { sign = 1 } else if reader.take("-") { sign = -1 } else { return nil }
            guard let hours = reader.number(2), reader.take(":"), let minutes = reader.number(2), hours < 24,
                minutes < 60
            else { return nil }
            offset = sign * (hours * 60 + minutes)
        }
        guard reader.isAtEnd else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear.flooredDivision(by: 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        let seconds = days * 86_400 + hour * 3600 + (minute - offset) * 60 + second
        self.init(milliseconds: seconds * 1000 + fraction)
    }
}

/// Reads fixed-width decimal numbers off the front of a text.
private struct DigitReader {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = Substring(text).utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: UnicodeScalar) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func number(_ width: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<width {
            guard let byte = rest.first, byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int64(byte - 0x30)
            rest.removeFirst()
        }
        return value
    }

    /// Digits after a decimal point, as milliseconds; further digits are dropped.
    mutating func fraction() -> Int64? {
        var value: Int64 = 0
        var count = 0
        while let byte = rest.first, byte >= 0x30, byte <= 0x39 {
            if count < 3 { value = value * 10 + Int64(byte - 0x30) }
            count += 1
            rest.removeFirst()
        }
        guard count > 0 else { return nil }
        for _ in stride(from: count, to: 3, by: 1) { value *= 10 }
        return value
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

/// One reading of all clocks.
///
/// What is stored as a time and stands for a span (due times, deadlines, windows, retention) goes by `steady`, which goes on
/// over restarts. What people read (when something was accepted, started, ended) is `wall`. Timeouts of this process go by
/// `monotonic`.
package struct Moment: Equatable, Sendable {
    /// What the clock on the wall says. It may be set back or forward at any time.
    package var wall: Timestamp
    /// Looks like a wall time and never jumps.
    package var steady: Timestamp
    /// Milliseconds since an arbitrary point that is fixed while the process lives.
    package var monotonic: Int64
    /// How far `wall` is ahead of `steady`, known to a second: a step of the wall clock changes it at once, its drift when
    /// that has come to a second. So that a time that is converted there and back stays the same.
    package var offset: Duration

    /// - Parameters:
    ///   - steady: as `wall` unless it is given.
    ///   - offset: the difference of the two unless it is given.
    package init(wall: Timestamp, monotonic: Int64, steady: Timestamp? = nil, offset: Duration? = nil) {
        self.wall = wall
        self.steady = steady ?? wall
        self.monotonic = monotonic
        self.offset = offset ?? (wall - self.steady)
    }

    /// What the wall clock will say at a steady time, unless it is set until then.
    package func wallTime(of steady: Timestamp) -> Timestamp { steady + offset }

    /// When the wall clock will say this, unless it is set until then.
    package func steadyTime(of wall: Timestamp) -> Timestamp { wall + (.zero - offset) }
}
