internal import JobModel

/// The `Retry-After` field (RFC 9110, section 10.2.3): whole seconds, or a date.
enum RetryAfter {
    /// nil for what is neither; never negative. The policy clamps it to 24 hours.
    static func duration(_ text: String, now: Timestamp) -> Duration? {
        if !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
            // More digits than a number holds are still a very long time.
            return .seconds(min(Int64(text) ?? .max, 86_400 * 365))
        }
        guard let date = Timestamp(httpDate: text) else { return nil }
        return max(.zero, date - now)
    }
}

extension Timestamp {
    /// IMF-fixdate, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7); the obsolete forms are not read.
    init?(httpDate text: String) {
        let parts = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, parts[0].hasSuffix(","), parts[1].count == 2, parts[3].count == 4, parts[5] == "GMT",
            let month = months.firstIndex(where: { $0 == parts[2] })
        else { return nil }
        let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
        self.init(rfc3339: "\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
    }
}
