/// Counts of observations up to fixed bounds, in the form in which Prometheus takes them
/// (https://prometheus.io/docs/concepts/metric_types/#histogram).
///
/// It is here because both the store and the engine observe, and `/metrics` writes what either has counted.
package struct Histogram: Equatable, Sendable {
    /// Upper bounds, rising; what is above the last counts in the total only.
    package let bounds: [Double]
    /// Observations in each bucket, not summed up.
    package private(set) var counts: [UInt64]
    package private(set) var count: UInt64 = 0
    package private(set) var sum: Double = 0

    package init(bounds: [Double]) {
        self.bounds = bounds
        counts = [UInt64](repeating: 0, count: bounds.count)
    }

    /// Seconds, from a start that is due at once to an attempt of minutes.
    package static let seconds = Histogram(
        bounds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300])

    /// Things done together.
    package static let sizes = Histogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512])

    package mutating func observe(_ value: Double) {
        count += 1
        sum += value
        if let index = bounds.firstIndex(where: { value <= $0 }) { counts[index] += 1 }
    }
}
