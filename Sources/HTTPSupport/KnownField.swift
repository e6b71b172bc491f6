internal import JobModel
internal import NIOHTTP1

/// Header fields that the server looks for, as a set: which of them a request has is found in one pass over its head.
package struct KnownField: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let accept = KnownField(rawValue: 1 << 0)
    package static let authorization = KnownField(rawValue: 1 << 1)
    package static let connection = KnownField(rawValue: 1 << 2)
    package static let contentEncoding = KnownField(rawValue: 1 << 3)
    package static let expect = KnownField(rawValue: 1 << 4)
    package static let forwardedFor = KnownField(rawValue: 1 << 5)
    package static let idempotencyKey = KnownField(rawValue: 1 << 6)
    package static let origin = KnownField(rawValue: 1 << 7)
    package static let prefer = KnownField(rawValue: 1 << 8)
    package static let secFetchSite = KnownField(rawValue: 1 << 9)
    package static let sluiceDelay = KnownField(rawValue: 1 << 10)
    package static let sluiceNotBefore = KnownField(rawValue: 1 << 11)
    package static let sluiceWebhook = KnownField(rawValue: 1 << 12)
    package static let transferEncoding = KnownField(rawValue: 1 << 13)
    package static let upgrade = KnownField(rawValue: 1 << 14)

    private static let names: [(name: String, field: KnownField)] = [
        ("accept", accept), ("authorization", authorization), ("connection", connection),
        ("content-encoding", contentEncoding), ("expect", expect), ("x-forwarded-for", forwardedFor),
        ("idempotency-key", idempotencyKey), ("origin", origin), ("prefer", prefer),
        ("sec-fetch-site", secFetchSite), ("sluice-delay", sluiceDelay), ("sluice-not-before", sluiceNotBefore),
        ("sluice-webhook", sluiceWebhook), ("transfer-encoding", transferEncoding), ("upgrade", upgrade),
    ]

    /// Those names that have so many bytes.
    private static let byLength: [[(name: String, field: KnownField)]] = (0...17).map { length in
        names.filter { $0.name.utf8.count == length }
    }

    init(of headers: HTTPHeaders) {
        var set: KnownField = []
        for (name, _) in headers where name.utf8.count < Self.byLength.count {
            for known in Self.byLength[name.utf8.count] where name.isSameIgnoringASCIICase(as: known.name) {
                set.insert(known.field)
            }
        }
        self = set
    }
}
