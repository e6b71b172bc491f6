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
        if let http {
            HTTPHandlerShape.check(http)
            later.refuse(http, "HTTP handlers", help: "use a builtin handler, for example {builtin: echo}")
        }
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
        if let duration = block.take("duration")?.duration(DefaultsReader.anyDuration) { builtin.duration = duration }
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

/// The keys of an `http` handler.
enum HTTPHandlerShape {
    static func check(_ value: ManifestValue) {
        guard var block = value.block() else { return }
        if let url = block.require("url", help: "add \"url: https://…\"") { checkURL(url) }
        _ = block.take("method")?.choice(["GET", "POST", "PUT", "PATCH", "DELETE"])
        if let headers = block.take("headers")?.strings() {
            for (name, value) in headers { checkField(name: name, value: value) }
        }
        for name in block.take("forwardHeaders")?.list() ?? [] {
            if let text = name.nonEmptyString(), !isToken(text) { name.report("\"\(text)\" is no header name") }
        }
        for key in ["successOn", "retryOn"] {
            for entry in block.take(key)?.list() ?? [] { checkStatus(entry, words: key == "retryOn") }
        }
        _ = block.take("honourRetryAfter")?.bool()
        _ = block.take("passRedirect")?.bool()
        _ = block.take("secret")?.nonEmptyString()
        block.finish()
    }

    static func checkURL(_ value: ManifestValue) {
        guard let template = value.template() else { return }
        guard case .literal(let start)? = template.pieces.first,
            start.hasPrefix("http://") || start.hasPrefix("https://")
        else {
            value.report("is no http or https URL", help: "it starts with http:// or https://")
            return
        }
    }

    private static func checkField(name: ManifestValue, value: String) {
        if case .scalar(let text, _) = name.node.content, !isToken(text) {
            name.report("\"\(text)\" is no header name")
        }
        if value.unicodeScalars.contains(where: { $0 == "\r" || $0 == "\n" || $0 == "\0" }) {
            name.report("a header value may not contain a line break or NUL")
        }
    }

    /// RFC 9110, section 5.6.2.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy {
                switch $0 {
                case "a"..."z", "A"..."Z", "0"..."9": true
                default: "!#$%&'*+-.^_`|~".unicodeScalars.contains($0)
                }
            }
    }

    private static func checkStatus(_ value: ManifestValue, words: Bool) {
        guard let text = value.nonEmptyString() else { return }
        let isClass = text.count == 3 && text.hasSuffix("xx") && "12345".contains(text.prefix(1))
        let isCode = Int(text).map { (100...599).contains($0) } ?? false
        let isWord = words && ["network", "timeout"].contains(text)
        if !isClass, !isCode, !isWord {
            value.report(
                "\"\(text)\" is no status",
                help: words ? "write 503, 5xx, network or timeout" : "write 200 or 2xx")
        }
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
            _ = limits.take("cpuTime")?.duration(DefaultsReader.positive)
            _ = limits.take("openFiles")?.integer(16...1_048_576)
            limits.finish()
        }
        block.finish()
    }
}
