internal import JobModel

/// Top-level blocks whose machinery comes later: their keys and values are checked, and nothing else happens.
enum LaterBlocks {
    static func check(_ block: inout ManifestBlock, defaults: FunctionDefaults) {
        if let value = block.take("fallback") { fallback(value, defaults: defaults) }
        if let value = block.take("tasksAPI") { tasksAPI(value) }
        if let value = block.take("jobsAPI") { jobsAPI(value) }
    }

    private static func fallback(_ value: ManifestValue, defaults: FunctionDefaults) {
        guard var block = value.block() else { return }
        let later = LaterKeys(refuse: false)
        if let handler = block.require("handler", help: "add \"handler: {builtin: echo}\"") {
            _ = HandlerReader.read(handler, later: later)
        }
        var function = Function(
            name: "fallback", handler: .builtin(Builtin(kind: .echo)),
            endpoint: Endpoint(path: PathPattern(literals: ["fallback"])))
        FunctionReader.readCommon(&block, into: &function, defaults: defaults, later: later)
        block.finish()
    }

    private static func tasksAPI(_ value: ManifestValue) {
        guard var block = value.block() else { return }
        _ = block.take("adHocTargets")?.bool()
        if var max = block.take("max")?.block() {
            _ = max.take("timeout")?.duration(ManifestRange.positiveDuration)
            _ = max.take("retries")?.integer(0...Limits.retryAttempts - 1)
            _ = max.take("delay")?.duration(ManifestRange.anyDuration)
            _ = max.take("priority")?.integer(-100...100)
            max.finish()
        }
        block.finish()
    }

    private static func jobsAPI(_ value: ManifestValue) {
        guard var block = value.block() else { return }
        for limit in block.take("rateLimit")?.oneOrMore() ?? [] { _ = LimitReader.rateLimit(limit) }
        block.finish()
    }
}
