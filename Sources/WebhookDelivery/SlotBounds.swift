/// How many webhooks are under way at a time, and who has how many of them.
enum SlotBounds {
    static let total = 256
    /// Kept for `onComplete`.
    static let kept = total / 4
    /// What callers without credentials have at most, all together.
    static let anonymous = total / 4
}
