/// Durations as the manifest and the `Sluice-Delay` field write them: one whole number, one unit.
extension Duration {
    private static let units: [(milliseconds: Int64, name: String)] = [
        (86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"),
    ]

    /// `250ms`, `30s`, `5m`, `2h`, `7d`; nil for anything else, a bare number included.
    package init?(written text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unitName = text.dropFirst(digits.count)
        guard !digits.isEmpty, digits.count <= 18, let number = Int64(digits),
            let unit = Self.units.first(where: { $0.name == unitName })
        else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
        guard !overflow else { return nil }
        self = .milliseconds(product)
    }

    /// In the largest unit that leaves no rest.
    package var written: String {
        let milliseconds = milliseconds
        guard milliseconds != 0, let unit = Self.units.first(where: { milliseconds % $0.milliseconds == 0 }) else {
            return "0s"
        }
        return "\(milliseconds / unit.milliseconds)\(unit.name)"
    }
}
