import JobModel
import Testing

@Suite struct RetryAfterTests {
    private let now = Timestamp(rfc3339: "1994-11-06T08:49:37Z") ?? Timestamp(milliseconds: 0)

    @Test(arguments: [
        ("0", 0), ("120", 120), ("00007", 7), ("99999999999999999999999999", 86_400 * 365),
        // IMF-fixdate, RFC 850, asctime.
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60), ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
        ("Sun Nov  6 08:50:37 1994", 60), ("Sun Nov 06 08:50:37 1994", 60), ("Wed Nov 16 08:49:37 1994", 10 * 86_400),
        // The past is now.
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0), ("Sat, 05 Nov 1994 08:49:37 GMT", 0),
        ("Saturday, 05-Nov-94 08:49:37 GMT", 0), ("Sat Nov  5 08:49:37 1994", 0),
    ])
    func `Seconds and all three forms of a date are understood`(_ text: String, _ seconds: Int) {
        #expect(RetryAfter.duration(text, now: now) == .seconds(seconds), "\(text)")
    }

    @Test(arguments: [
        "", " ", "1e99", "-5", "+5", "1.5", "5s", "soon", "١٢", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37.5 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 gmt", "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37", "Sunday, 06-Nov-+4 08:49:37 GMT",
        "Sunday, 06--94 08:49:37 GMT", "Sunday Nov  6 08:49:37 1994", "Sun Nov  6 08:49:37 94",
        "Sun Nov 6 8:49:37 1994",
        "Sun Nov  0 08:49:37 1994", "Sun, 29 Feb 1993 08:49:37 GMT", "1994-11-06T08:50:37Z",
    ])
    func `Anything else is ignored`(_ text: String) {
        #expect(RetryAfter.duration(text, now: now) == nil, "\(text)")
    }

    @Test func `The first and the last time that there is can be written down`() {
        #expect(Timestamp(milliseconds: .min).description.hasPrefix("-292275055-"))
        #expect(Timestamp(milliseconds: .max).description.hasPrefix("292278994-"))
    }

    @Test(arguments: [
        ("2026-05-19", "19-May-26", "2026"), ("2026-05-19", "19-May-75", "2075"), ("2026-05-19", "20-May-77", "1977"),
        ("2026-05-19", "01-Jan-00", "2000"), ("1999-12-31", "01-Jan-00", "2000"), ("1999-12-31", "31-Dec-50", "1950"),
        ("2026-05-19", "29-Feb-28", "2028"),
    ])
    func `A year of two digits is the latest one that is no more than fifty years ahead`(
        _ today: String, _ date: String, _ year: String
    ) throws {
        let now = try #require(Timestamp(rfc3339: "\(today)T00:00:00Z"))
        let time = try #require(Timestamp(httpDate: "Monday, \(date) 00:00:00 GMT", now: now))
        #expect(time.description.hasPrefix(year))
    }
}
