internal import JobModel
internal import PayloadSchema

/// The keys of an `http` handler.
enum HTTPTargetReader {
    static func read(_ value: ManifestValue) -> HTTPTarget? {
        guard var block = value.block() else { return nil }
        let url = block.require("url", help: "add \"url: https://…\"").flatMap { Self.url($0) }
        var target = url.map { HTTPTarget(url: $0) }
        if let method = block.take("method")?.choice(["GET", "POST", "PUT", "PATCH", "DELETE"]) {
            target?.method = method
        }
        if let headers = block.take("headers") { target?.headers = Self.headers(headers) }
        if let names = block.take("forwardHeaders") {
            target?.forwardHeaders = (names.list() ?? []).compactMap(forwarded)
        }
        if let list = block.take("successOn") { target?.successOn = rules(list, words: false).statuses }
        if let list = block.take("retryOn") {
            let rules = rules(list, words: true)
            target?.retryOn = rules.statuses
            target?.retriesNetwork = rules.words.contains("network")
            target?.retriesTimeouts = rules.words.contains("timeout")
        }
        if let honours = block.take("honourRetryAfter")?.bool() { target?.honoursRetryAfter = honours }
        if let passes = block.take("passRedirect")?.bool() { target?.passesRedirect = passes }
        if let secret = block.take("secret")?.signingSecret() { target?.secret = secret }
        block.finish()
        return target
    }

    /// A template that is an http or https URL.
    static func url(_ value: ManifestValue, knowsResult: Bool = false) -> Template? {
        guard let template = value.template() else { return nil }
        guard case .literal(let start)? = template.pieces.first,
            let scheme = HTTPScheme.allCases.first(where: { start.hasPrefix($0.prefix) }),
            let authority = URLAuthority(of: start)
        else {
            value.report("is not an http or https URL", help: "it starts with http:// or https://")
            return nil
        }
        let isPrintable = template.pieces.allSatisfy { piece in
            guard case .literal(let text) = piece else { return true }
            return text.utf8.allSatisfy(ASCII.isVisible)
        }
        if !isPrintable { value.report("has a character that no URL has", help: "percent-encode it: %20 for a space") }
        if !knowsResult, template.uses(.result) { value.report("knows no result: the call is what makes it") }
        // Where a request goes must not hang on what a caller sends: the host stands before the first reference.
        let afterScheme = start.utf8.dropFirst(scheme.prefix.utf8.count)
        let endsInHost = template.pieces.count > 1 && !afterScheme.contains { #"/?#\"#.utf8.contains($0) }
        if authority.host.isEmpty, !endsInHost {
            // libcurl would take what comes next for the host.
            value.report("has no host", help: "write it as https://host/path; a variable may be empty")
        } else if authority.port == .invalid {
            value.report("has no port between 1 and 65535 after its host")
        } else if template.pieces.count > 1, !afterScheme.contains(UInt8(ascii: "/")) {
            value.report(
                "lets a job choose the host",
                help: "write the host out, with a \"/\" after it, before the first reference")
        }
        return template
    }

    private static func headers(_ value: ManifestValue) -> [HTTPTarget.Header] {
        (value.strings(asTemplates: true) ?? []).compactMap { name, value, text -> HTTPTarget.Header? in
            guard case .scalar(let field, _) = name.node.content else { return nil }
            guard HTTPHeaderRules.isToken(field) else {
                name.report("\"\(field)\" is not a header name")
                return nil
            }
            guard HTTPHeaderRules.maySet(field) else {
                name.report("\(field) may not be set: it belongs to the connection, or to whoever calls")
                return nil
            }
            guard HTTPHeaderRules.isValue(text) else {
                name.report("a header value may not contain a line break, NUL or another control character")
                return nil
            }
            if HTTPHeaderRules.isCredential(field) { value.warnIfLiteral() }
            do throws(Template.Problem) {
                let template = try Template(text)
                if template.uses(.result) { name.report("knows no result: the call is what makes it") }
                return HTTPTarget.Header(name: field, value: template)
            } catch {
                let reference =
                    switch error {
                    case .unclosed: "a \"{\" that is never closed"
                    case .unknownReference(let reference):
                        value.shown("\"{\(reference)}\"") + ", which is not a reference"
                    }
                name.report("its value has \(reference)", help: "write {payload.a}, or {{ for a brace")
                return nil
            }
        }
    }

    /// A field of the caller's that goes on to the target.
    private static func forwarded(_ value: ManifestValue) -> String? {
        guard let name = value.nonEmptyString() else { return nil }
        guard HTTPHeaderRules.isToken(name) else {
            value.report("\"\(value.shown(name))\" is not a header name")
            return nil
        }
        guard HTTPHeaderRules.mayForward(name) else {
            value.report(
                "\(value.shown(name)) of a caller does not go on: it belongs to the connection, or is Sluice's own")
            return nil
        }
        return name
    }

    private static func rules(_ list: ManifestValue, words: Bool) -> (statuses: [StatusRule], words: Set<String>) {
        var statuses: [StatusRule] = []
        var named: Set<String> = []
        let entries = list.list()
        if entries?.isEmpty == true, !words {
            list.report("must not be empty: no answer would complete a job", help: "leave it out for 2xx, 3xx, 4xx")
        }
        for entry in entries ?? [] {
            guard let text = entry.nonEmptyString() else { continue }
            if text.utf8.count == 3, text.hasSuffix("xx"), let digit = Int(text.prefix(1)), (1...5).contains(digit) {
                statuses.append(.family(digit))
            } else if let code = Int(text), (100...599).contains(code) {
                statuses.append(.code(code))
            } else if words, ["network", "timeout"].contains(text) {
                named.insert(text)
            } else {
                entry.report(
                    "\"\(entry.shown(text))\" is not a status",
                    help: words ? "write 503, 5xx, network or timeout" : "write 200 or 2xx")
            }
        }
        return (statuses, named)
    }
}
