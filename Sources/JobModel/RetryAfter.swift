/// The `Retry-After` field (RFC 9110, section 10.2.3): whole seconds, or a date.
package enum RetryAfter {
    /// nil for what is neither; zero for a date that has passed. Whoever honours it bounds it.
    package static func duration(_ text: String, now: Timestamp) -> Duration? {
        if !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
            // More digits than a number holds are still a very long time.
            return .seconds(min(Int64(text) ?? .max, 86_400 * 365))
        }
        guard let date = Timestamp(httpDate: text, now: now) else { return nil }
        return max(.zero, date - now)
    }
}
