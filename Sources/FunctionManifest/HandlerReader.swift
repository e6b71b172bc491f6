internal import JobModel

/// A function's `handler` block: exactly one of builtin, http and command.
enum HandlerReader {
    private static let kinds = ["builtin", "http", "command"]

    static func read(_ value: ManifestValue, later: LaterKeys) -> HandlerDeclaration? {
        guard var block = value.block() else { return nil }
        let given = kinds.filter(block.has)
        if given.count > 1 {
            value.report("has both \(given[0]) and \(given[1])", help: "a function has one handler")
        }
        let builtin = block.take("builtin")
        let simulate = block.take("simulate")
        let http = block.take("http")
        let command = block.take("command")
        block.finish()
        var declaration: HandlerDeclaration?
        if let builtin { declaration = read(builtin: builtin, simulate: simulate).map { .builtin($0) } }
        if builtin == nil, let simulate { simulate.report("goes with a builtin handler only") }
        if let http { declaration = HTTPTargetReader.read(http).map { .http($0) } ?? declaration }
        if let command {
            CommandHandlerShape.check(command)
            later.refuse(command, "command handlers", help: "use a builtin handler, for example {builtin: echo}")
        }
        if given.isEmpty {
            value.report("names no handler", help: "give one of: builtin, http, command")
        }
        return declaration
    }

    private static func read(builtin value: ManifestValue, simulate: ManifestValue?) -> Builtin? {
        guard let kind = value.choice(Builtin.Kind.self) else { return nil }
        var builtin = Builtin(kind: kind)
        guard let simulate, var block = simulate.block() else { return builtin }
        if let duration = block.take("duration")?.duration(ManifestRange.anyDuration) { builtin.duration = duration }
        if let spread = block.take("spread")?.number(0...1) { builtin.spread = spread }
        let rate = block.take("failureRate")?.number(0...1)
        if let status = block.take("status")?.integer(400...599) { builtin.status = status }
        if let hang = block.take("hang")?.bool() { builtin.hang = hang }
        if let retryAfter = block.take("retryAfter")?.duration(.zero...Limits.retryAfter) {
            builtin.retryAfter = retryAfter
        }
        // Whoever says how attempts fail wants them to fail.
        let describesFailure = block.has("status") || builtin.hang || block.has("retryAfter")
        builtin.failureRate = rate ?? (describesFailure ? 1 : 0)
        block.finish()
        return builtin
    }
}

/// The keys of a `command` handler.
enum CommandHandlerShape {
    static func check(_ value: ManifestValue) {
        guard var block = value.block() else { return }
        if let run = block.require("run", help: "add \"run: [handlers/name.py]\""), let words = run.list() {
            if words.isEmpty { run.report("must not be empty") }
            for word in words { _ = word.string() }
        }
        let lifetime = block.take("lifetime")?.choice(["perCall", "persistent"])
        if let workers = block.take("workers"), workers.integer(1...1024) != nil, lifetime != "persistent" {
            workers.report("goes with \"lifetime: persistent\" only")
        }
        _ = block.take("env")?.strings()
        if var limits = block.take("limits")?.block() {
            _ = limits.take("memory")?.size(1 << 20...1 << 40)
            _ = limits.take("cpuTime")?.duration(ManifestRange.positiveDuration)
            _ = limits.take("openFiles")?.integer(16...1_048_576)
            limits.finish()
        }
        block.finish()
    }
}
