internal import JobModel

/// `rateLimit`, `throttle`, `concurrency` and `maxQueued` of a function.
enum LimitReader {
    static func read(_ block: inout ManifestBlock, maxQueued: Int) -> FunctionLimits {
        var limits = FunctionLimits()
        limits.maxQueued = maxQueued
        limits.rate = (block.take("rateLimit")?.oneOrMore() ?? []).compactMap(rateLimit)
        limits.throttle = (block.take("throttle")?.oneOrMore() ?? []).compactMap(throttle)
        limits.concurrency = (block.take("concurrency")?.oneOrMore() ?? []).compactMap(concurrency)
        return limits
    }

    static func rateLimit(_ value: ManifestValue) -> RateLimit? {
        guard var block = value.block() else { return nil }
        let rate = readRate(&block)
        let key = readKey(&block)
        block.finish()
        return rate.map { RateLimit(limit: $0.limit, per: $0.per, key: key) }
    }

    private static func throttle(_ value: ManifestValue) -> Throttle? {
        guard var block = value.block() else { return nil }
        let rate = readRate(&block)
        let burst = block.take("burst")?.integer(1...1_000_000) ?? 1
        let key = readKey(&block)
        block.finish()
        return rate.map { Throttle(limit: $0.limit, per: $0.per, burst: burst, key: key) }
    }

    private static func concurrency(_ value: ManifestValue) -> ConcurrencyLimit? {
        if case .scalar = value.node.content {
            return value.integer(1...Limits.concurrency).map { ConcurrencyLimit(limit: $0) }
        }
        guard var block = value.block() else { return nil }
        let limit = block.require("limit", help: "how many run at once: {limit: 5, key: account}")?
            .integer(1...Limits.concurrency)
        let key = readKey(&block)
        block.finish()
        return limit.map { ConcurrencyLimit(limit: $0, key: key) }
    }

    private static func readRate(_ block: inout ManifestBlock) -> (limit: Int, per: Duration)? {
        let limit = block.require("limit", help: "how many: {limit: 10, per: 1m}")?.integer(ManifestRange.counts)
        let per = block.require("per", help: "the time they are counted in: {limit: 10, per: 1m}")?
            .duration(ManifestRange.positiveDuration)
        guard let limit, let per else { return nil }
        return (limit, per)
    }

    private static func readKey(_ block: inout ManifestBlock) -> LimitKey? {
        guard let value = block.take("key"), let text = value.nonEmptyString() else { return nil }
        switch text {
        case "account": return .account
        case "ip": return .ip
        default:
            guard let path = ValuePath(text), path.root != .result, !path.path.isEmpty else {
                value.report(
                    "\"\(value.shown(text))\" is not a key",
                    help: "one of: account, ip, payload.<path>, parameters.<path>"
                )
                return nil
            }
            return .value(path)
        }
    }
}
