private import Histogram

/// How long attempts took, fine enough for percentiles: within a hundredth of each value, in about 12 KB.
package struct AttemptTimes: Equatable, Sendable {
    /// Longer ones count as a day.
    private static let longest: UInt64 = 86_400_000

    private var histogram = Histogram<UInt64>(
        highestTrackableValue: longest, numberOfSignificantValueDigits: .two)

    package init() {}

    /// Milliseconds; negative ones, of a clock that was set back, count as 0.
    mutating func record(_ milliseconds: Int64) {
        histogram.record(min(Self.longest, UInt64(max(0, milliseconds))))
    }

    /// The time in milliseconds that this share of the attempts took at most, 0 ... 100; nil before the first.
    package func percentile(_ percentile: Double) -> Int64? {
        histogram.totalCount == 0 ? nil : Int64(clamping: histogram.valueAtPercentile(percentile))
    }
}
