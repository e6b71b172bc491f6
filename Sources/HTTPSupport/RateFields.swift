/// Where a caller stands with one rate limit, as header fields say it.
package struct RateQuota: Equatable, Sendable {
    /// A short name for the policy: the function's.
    package var name: String
    package var limit: Int
    package var windowSeconds: Int64
    package var remaining: Int
    /// Whole seconds to the end of the window.
    package var resetSeconds: Int64

    package init(name: String, limit: Int, windowSeconds: Int64, remaining: Int, resetSeconds: Int64) {
        self.name = name
        self.limit = limit
        self.windowSeconds = windowSeconds
        self.remaining = remaining
        self.resetSeconds = resetSeconds
    }
}

/// The fields of draft-ietf-httpapi-ratelimit-headers, and the older `X-RateLimit-` ones for the tightest limit.
package enum RateFields {
    package static func of(_ quotas: [RateQuota]) -> [(name: String, value: String)] {
        guard let tightest = quotas.min(by: { ($0.remaining, -$0.resetSeconds) < ($1.remaining, -$1.resetSeconds) })
        else { return [] }
        let named = quotas.enumerated().map { index, quota in
            (name: index == 0 ? "\"\(quota.name)\"" : "\"\(quota.name)-\(index + 1)\"", quota: quota)
        }
        return [
            ("X-RateLimit-Limit", "\(tightest.limit)"), ("X-RateLimit-Remaining", "\(tightest.remaining)"),
            ("X-RateLimit-Reset", "\(tightest.resetSeconds)"),
            (
                "RateLimit-Policy",
                named.map { "\($0.name);q=\($0.quota.limit);w=\($0.quota.windowSeconds)" }.joined(separator: ", ")
            ),
            (
                "RateLimit",
                named.map { "\($0.name);r=\($0.quota.remaining);t=\($0.quota.resetSeconds)" }.joined(separator: ", ")
            ),
        ]
    }
}
