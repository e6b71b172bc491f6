internal import JobModel

/// The `accounts` block. `registration` is checked now and opened by the release that has it.
enum AccountsReader {
    static func read(_ value: ManifestValue) -> AccountLimits {
        var limits = AccountLimits()
        guard var block = value.block() else { return limits }
        _ = block.take("registration")?.choice(["closed", "open"])
        if let number = block.take("concurrency")?.integer(1...Limits.concurrency) { limits.concurrency = number }
        if let count = block.take("maxQueued")?.integer(ManifestRange.counts) { limits.maxQueued = count }
        block.finish()
        return limits
    }
}

/// The `anonymous` block: what one client address may take up without credentials. `maxQueued` and `maxDelay` are checked now
/// and kept by the release that refuses what is beyond them.
enum AnonymousReader {
    static func read(_ value: ManifestValue) -> AnonymousLimits {
        var limits = AnonymousLimits()
        guard var block = value.block() else { return limits }
        if let number = block.take("concurrency")?.integer(1...Limits.concurrency) { limits.concurrency = number }
        _ = block.take("maxQueued")?.integer(ManifestRange.counts)
        _ = block.take("maxDelay")?.duration(ManifestRange.anyDuration)
        block.finish()
        return limits
    }
}
