import JobModel
import Testing

@testable import Handlers

@Suite struct RetryAfterTests {
    private let now = Timestamp(rfc3339: "1994-11-06T08:49:37Z") ?? Timestamp(milliseconds: 0)

    @Test(arguments: [
        ("0", 0), ("120", 120), ("00007", 7), ("Sun, 06 Nov 1994 08:50:37 GMT", 60),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Sat, 05 Nov 1994 08:49:37 GMT", 0), ("99999999999999999999999999", 86_400 * 365),
    ])
    func `Seconds and dates are understood, the past is now`(_ text: String, _ seconds: Int) {
        #expect(RetryAfter.duration(text, now: now) == .seconds(seconds))
    }

    @Test(arguments: [
        "", "1e99", "-5", "1.5", "soon", "Sun, 06 Nov 1994 08:49:37", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT", "١٢",
    ])
    func `Anything else is ignored`(_ text: String) { #expect(RetryAfter.duration(text, now: now) == nil) }
}
