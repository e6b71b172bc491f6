extension Timestamp {
    /// A date of HTTP in each of the forms that a recipient has to accept (RFC 9110, section 5.6.7):
    /// `Sun, 06 Nov 1994 08:49:37 GMT`, and the obsolete `Sunday, 06-Nov-94 08:49:37 GMT` (RFC 850) and
    /// `Sun Nov  6 08:49:37 1994` (asctime). Whether the day of the week is the date's is not looked at.
    ///
    /// - Parameter now: what a year of two digits is read by: the latest one that is no more than 50 years ahead.
    package init?(httpDate text: String, now: Timestamp) {
        let words = text.split(separator: " ")
        switch words.count {
        case 6:
            guard Self.days.contains(where: { words[0] == "\($0)," }), words[5] == "GMT" else { return nil }
            self.init(year: words[3], month: words[2], day: words[1], time: words[4])
        case 4:
            let date = words[1].split(separator: "-", omittingEmptySubsequences: false)
            guard Self.longDays.contains(where: { words[0] == "\($0)," }), words[3] == "GMT", date.count == 3,
                date[2].utf8.count == 2, let short = Self.number(date[2]), let year = Int(now.description.prefix(4))
            else { return nil }
            let halfCentury = Duration.seconds(50 * 365 * 86_400 + 12 * 86_400)
            // Next century's, this one's, the last one's. A 29 February may not be in all of them.
            let times = [1, 0, -1].lazy.compactMap { step in
                let year = Substring("\((year / 100 + step) * 100 + short)")
                return Timestamp(year: year, month: date[1], day: date[0], time: words[2])
            }
            guard let latest = times.first(where: { $0 - now <= halfCentury }) else { return nil }
            self = latest
        case 5:
            guard Self.days.contains(where: { words[0] == $0 }) else { return nil }
            let day = words[2].utf8.count == 1 ? Substring("0\(words[2])") : words[2]
            self.init(year: words[4], month: words[1], day: day, time: words[3])
        default:
            return nil
        }
    }

    private static let days: [Substring] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let longDays: [Substring] = [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]
    private static let months: [Substring] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private init?(year: Substring, month: Substring, day: Substring, time: Substring) {
        guard year.utf8.count == 4, day.utf8.count == 2, time.utf8.count == 8,
            let month = Self.months.firstIndex(where: { $0 == month })
        else { return nil }
        let number = month + 1 < 10 ? "0\(month + 1)" : "\(month + 1)"
        self.init(rfc3339: "\(year)-\(number)-\(day)T\(time)Z")
    }

    private static func number(_ digits: Substring) -> Int? {
        digits.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? Int(digits) : nil
    }
}
