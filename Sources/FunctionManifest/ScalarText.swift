/// The manifest's written forms of numbers with a unit.
package enum ScalarText {
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
