internal import JobModel

/// The `accounts` block. `registration` is checked now and opened by the release that has it.
enum AccountsReader {
    static func read(_ value: ManifestValue) -> AccountLimits {
        var limits = AccountLimits()
        guard var block = value.block() else { return limits }
        _ = block.take("registration")?.choice(["closed", "open"])
        if let number = block.take("concurrency")?.integer(1...Limits.concurrency) { limits.concurrency = number }
        if let count = block.take("maxQueued")?.integer(LimitReader.counts) { limits.maxQueued = count }
        block.finish()
        return limits
    }
}
