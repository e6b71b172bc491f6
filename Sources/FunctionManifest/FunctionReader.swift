internal import JobModel
internal import PayloadSchema

/// The `functions` block.
enum FunctionReader {
    static func readAll(_ value: ManifestValue, defaults: FunctionDefaults) -> [Function] {
        guard let block = value.block() else { return [] }
        var functions: [Function] = []
        var routes = EndpointClashes()
        for entry in block.entries {
            let function = ManifestValue(path: "functions.\(entry.key)", node: entry.value, context: value.context)
            checkName(entry, context: value.context)
            if let read = read(function, name: entry.key, defaults: defaults) {
                routes.add(read, at: entry.keySpan, context: value.context)
                functions.append(read)
            }
        }
        return functions
    }

    /// CONTRACT 1: `[a-z][a-z0-9-]{0,62}`.
    private static func checkName(_ entry: YAMLEntry, context: ReadingContext) {
        let isName =
            (1...63).contains(entry.key.utf8.count)
            && entry.key.utf8.enumerated().allSatisfy { index, byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"): true
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): index > 0
                default: false
                }
            }
        if !isName {
            context.problems.add(
                "functions.\(entry.key): \"\(entry.key)\" is not a function name", at: entry.keySpan,
                help: "a lower-case letter, then at most 62 lower-case letters, digits and \"-\"")
        }
    }

    static func read(_ value: ManifestValue, name: String, defaults: FunctionDefaults) -> Function? {
        guard var block = value.block() else { return nil }
        let later = LaterKeys(refuse: true)
        let handler = block.require("handler", help: "add \"handler: {builtin: echo}\"")
            .flatMap { HandlerReader.read($0, later: later) }
        let written = block.take("endpoint")
        let endpoint =
            written.flatMap { EndpointReader.read($0, name: name) } ?? Endpoint(path: PathPattern(literals: [name]))
        var function = Function(name: name, handler: handler ?? .builtin(Builtin(kind: .echo)), endpoint: endpoint)
        readCommon(&block, into: &function, defaults: defaults, later: later)
        if let written { warnIfUnbounded(function, block, written) }
        block.finish()
        return handler == nil ? nil : function
    }

    /// What a function and the fallback share.
    static func readCommon(
        _ block: inout ManifestBlock, into function: inout Function, defaults: FunctionDefaults, later: LaterKeys
    ) {
        // Only people read it, some of them without a right to what its references stand for.
        function.summary = block.take("summary").flatMap { value in value.string().map { value.shown($0) } }
        var own = defaults
        DefaultsReader.readShared(&block, into: &own)
        function.timeout = own.timeout
        function.maxWait = own.maxWait
        function.retry = own.retry
        function.retention = own.retention
        // Where nobody wrote a timeout, the shorter maxWait is what was meant.
        let isWritten = block.has("timeout") || defaults.timeout != FunctionDefaults().timeout
        if isWritten, function.timeout > function.maxWait { warnOfTimeout(block, function) }
        function.limits = LimitReader.read(&block, maxQueued: own.maxQueued)
        if let value = block.take("idempotency") { function.idempotency = idempotency(value, of: function) }
        if let hook = block.take("onComplete") { function.onComplete = WebhookReader.onComplete(hook) }
        if let priority = block.take("priority")?.integer(-100...100) { function.priority = priority }
        if let delay = block.take("delay")?.duration(.zero...Limits.delay) { function.delay = delay }
        if let paused = block.take("paused")?.bool() { function.paused = paused }
        later.check(&block)
    }

    /// Whoever may call without credentials and as often as he likes can fill the queue and the disk.
    private static func warnIfUnbounded(_ function: Function, _ block: ManifestBlock, _ endpoint: ManifestValue) {
        guard function.endpoint.authentication == .public, !block.has("rateLimit"),
            case .mapping(let entries) = endpoint.node.content,
            let auth = entries.first(where: { $0.key.hasSameBytes(as: "auth") })
        else { return }
        block.context.problems.add(
            "\(endpoint.path).auth: anybody may call it, as often as they like", at: auth.value.span,
            help: "add for example \"rateLimit: {limit: 60, per: 1m, key: ip}\" to the function, or remove the line",
            severity: .warning)
    }

    private static func warnOfTimeout(_ block: ManifestBlock, _ function: Function) {
        let own = block.entries.first { $0.key == "timeout" } ?? block.entries.first { $0.key == "maxWait" }
        func shown(_ key: String, _ value: Duration) -> String {
            block.context.shown(value.written, of: "\(block.has(key) ? block.path : "defaults").\(key)")
        }
        block.context.problems.add(
            "functions.\(function.name).timeout: \(shown("timeout", function.timeout)) is longer than maxWait "
                + "(\(shown("maxWait", function.maxWait)))",
            at: own?.value.span ?? block.span,
            help: "an attempt is stopped when maxWait is over: raise maxWait or shorten the timeout",
            severity: .warning)
    }

    private static func idempotency(_ value: ManifestValue, of function: Function) -> IdempotencyRule? {
        guard var block = value.block() else { return nil }
        var key: ValuePath?
        if let keyValue = block.take("key"), let text = keyValue.nonEmptyString() {
            key = ValuePath(text)
            if key == nil || key?.root == .result || key?.path.isEmpty == true {
                keyValue.report(
                    "\"\(keyValue.shown(text))\" is not a key", help: "write payload.<path> or parameters.<path>")
            }
        }
        let windowValue = block.take("window")
        let window = windowValue?.duration(ManifestRange.positiveDuration)
        let shortest = min(function.retention.completed, function.retention.failed)
        if let windowValue, let window, window > shortest {
            // Which of them is the shortest would tell of the references too.
            let isReferred = ["functions.\(function.name)", "defaults"].contains { owner in
                ["completed", "failed"].contains { value.context.references.written["\(owner).retention.\($0)"] != nil }
            }
            windowValue.report(
                "\(windowValue.shown(window.written)) is longer than a job is kept"
                    + (isReferred ? "" : " (\(shortest.written))"),
                help: "shorten the window, or raise retention.completed and retention.failed")
        }
        block.finish()
        return IdempotencyRule(key: key, window: window)
    }
}
