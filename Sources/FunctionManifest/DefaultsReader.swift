internal import JobModel

/// What holds for every function that says nothing else.
struct FunctionDefaults {
    var timeout = Duration.seconds(30)
    var maxWait = Duration.seconds(7 * 86_400)
    var retry = RetryPolicy()
    /// Whether `jitter` was written: a table of delays without one is taken as it stands.
    var jitterIsSet = false
    var retention = Retention()
    var maxQueued = 100_000
}

/// The keys that `defaults` and a function share; the function's own values win, key by key.
enum DefaultsReader {
    static func read(_ value: ManifestValue) -> FunctionDefaults {
        var defaults = FunctionDefaults()
        guard var block = value.block() else { return defaults }
        readShared(&block, into: &defaults)
        block.finish()
        return defaults
    }

    static func readShared(_ block: inout ManifestBlock, into defaults: inout FunctionDefaults) {
        if let timeout = block.take("timeout")?.duration(ManifestRange.positiveDuration) { defaults.timeout = timeout }
        if let maxWait = block.take("maxWait")?.duration(ManifestRange.positiveDuration) { defaults.maxWait = maxWait }
        if let count = block.take("maxQueued")?.integer(ManifestRange.counts) { defaults.maxQueued = count }
        if let retry = block.take("retry") { readRetry(retry, into: &defaults) }
        if let retention = block.take("retention") { readRetention(retention, into: &defaults.retention) }
    }

    private static func readRetry(_ value: ManifestValue, into defaults: inout FunctionDefaults) {
        guard var block = value.block() else { return }
        readRetry(&block, policy: &defaults.retry, jitterIsSet: &defaults.jitterIsSet)
        block.finish()
    }

    static func readRetry(_ block: inout ManifestBlock, policy: inout RetryPolicy, jitterIsSet: inout Bool) {
        if let attempts = block.take("attempts")?.integer(1...Limits.retryAttempts) { policy.attempts = attempts }
        if let backoff = block.take("backoff")?.choice(RetryPolicy.Backoff.self) { policy.backoff = backoff }
        if let delay = block.take("delay")?.duration(ManifestRange.anyDuration) { policy.delay = delay }
        if let factor = block.take("factor")?.number(1...1000) { policy.factor = factor }
        if let maxDelay = block.take("maxDelay")?.duration(ManifestRange.anyDuration) { policy.maxDelay = maxDelay }
        if let jitter = block.take("jitter")?.choice(RetryPolicy.Jitter.self) {
            policy.jitter = jitter
            jitterIsSet = true
        }
        let formula = ["backoff", "delay", "factor"].filter(block.has)
        if let table = block.take("delays") {
            if let first = formula.first {
                table.report("stands instead of \(first)", help: "give either delays, or backoff, delay and factor")
            }
            guard let list = table.list() else { return }
            if list.isEmpty { table.report("must not be empty") }
            let delays = list.compactMap { $0.duration(ManifestRange.anyDuration) }
            policy.delays = delays.isEmpty ? nil : delays
            if !jitterIsSet { policy.jitter = .none }
        } else if !formula.isEmpty {
            policy.delays = nil
            if !jitterIsSet { policy.jitter = RetryPolicy().jitter }
        }
    }

    private static func readRetention(_ value: ManifestValue, into retention: inout Retention) {
        guard var block = value.block() else { return }
        if let completed = block.take("completed")?.duration(ManifestRange.anyDuration) {
            retention.completed = completed
        }
        if let failed = block.take("failed")?.duration(ManifestRange.anyDuration) { retention.failed = failed }
        if let tombstone = block.take("tombstone")?.duration(ManifestRange.anyDuration) {
            retention.tombstone = tombstone
        }
        block.finish()
    }
}
