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

/// The `anonymous` block: what one client address may take up without credentials.
enum AnonymousReader {
    static func read(_ value: ManifestValue) -> AnonymousLimits {
        var limits = AnonymousLimits()
        guard var block = value.block() else { return limits }
        if let number = block.take("concurrency")?.integer(1...Limits.concurrency) { limits.concurrency = number }
        if let count = block.take("maxQueued")?.integer(ManifestRange.counts) { limits.maxQueued = count }
        if let delay = block.take("maxDelay")?.duration(ManifestRange.anyDuration) { limits.maxDelay = delay }
        block.finish()
        return limits
    }
}
