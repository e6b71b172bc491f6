internal import JobModel

/// The manifest's written forms of numbers with a unit.
package enum ScalarText {
    /// `250ms`, `30s`, `5m`, `2h`, `7d`; one number, one unit. nil for anything else, a bare number included.
    package static func duration(_ text: String) -> Duration? {
        let units: [(String, Int64)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ]
        guard let (number, milliseconds) = quantity(text, units: units) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: milliseconds)
        return overflow ? nil : .milliseconds(product)
    }

    /// `512B`, `64KiB`, `1MiB`, `2GiB`, in bytes.
    package static func size(_ text: String) -> Int? {
        let units: [(String, Int64)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)]
        guard let (number, bytes) = quantity(text, units: units) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: bytes)
        return overflow ? nil : Int(exactly: product)
    }

    private static func quantity(_ text: String, units: [(String, Int64)]) -> (Int64, Int64)? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, digits.count <= 18, let number = Int64(digits),
            let unit = units.first(where: { $0.0 == text.dropFirst(digits.count) })
        else { return nil }
        return (number, unit.1)
    }
}
