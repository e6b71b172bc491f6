internal import JobModel

/// A function's `endpoint` block.
enum EndpointReader {
    private static let methods = ["POST", "PUT", "PATCH", "DELETE"]

    static func read(_ value: ManifestValue, name: String) -> Endpoint? {
        guard var block = value.block() else { return nil }
        var endpoint = Endpoint(path: PathPattern(literals: [name]))
        if let method = block.take("method")?.choice(methods) { endpoint.method = method }
        if let path = block.take("path") { pattern(path).map { endpoint.path = $0 } }
        if let mode = block.take("mode")?.choice(Endpoint.Mode.self) { endpoint.mode = mode }
        if let auth = block.take("auth")?.choice(Endpoint.Authentication.self) { endpoint.authentication = auth }
        if let codes = block.take("statusCodes") { endpoint.statusCodes = statusCodes(codes) }
        if let redirect = block.take("redirect") { endpoint.redirects = redirects(redirect) }
        if let pollAfter = block.take("pollAfter") { self.pollAfter(pollAfter).map { endpoint.pollAfter = $0 } }
        if let webhook = block.take("callerWebhook")?.bool() { endpoint.callerWebhook = webhook }
        block.finish()
        return endpoint
    }

    private static func pattern(_ value: ManifestValue) -> PathPattern? {
        guard let text = value.nonEmptyString() else { return nil }
        do {
            let pattern = try PathPattern(text)
            guard !pattern.segments.contains(.parameter("wait")) else {
                value.report("\"wait\" is reserved for long polling", help: "give the parameter another name")
                return nil
            }
            return pattern
        } catch {
            let help: String =
                switch error {
                case .empty, .emptySegment: "write it without a leading, trailing or double \"/\": emails/{userId}"
                case .badCharacter(let character):
                    "\"\(character)\" may not stand in it; use letters, digits, \"-\", \".\", \"_\" and \"~\""
                case .badParameter(let name):
                    "\"{\(name)}\" is not a parameter; use letters, digits and \"_\""
                case .repeatedParameter(let name): "\"{\(name)}\" stands in it twice"
                case .dots: "\".\" and \"..\" may not stand in it"
                }
            let isReferred = value.shown(text) != text
            value.report(
                "\"\(value.shown(text))\" is not a path",
                help: isReferred ? "segments of letters, digits, \"-\", \".\", \"_\" and \"~\": emails/{userId}" : help)
            return nil
        }
    }

    private static func statusCodes(_ value: ManifestValue) -> [StatusName: Int] {
        guard var block = value.block() else { return [:] }
        var codes: [StatusName: Int] = [:]
        for name in StatusName.allCases {
            guard let value = block.take(name.rawValue), let code = value.integer(100...599) else { continue }
            guard code == 200 || code == 202 || (400...499).contains(code) || (500...504).contains(code) else {
                value.report(
                    "\(value.shown("\(code)")) cannot be answered", help: "200, 202, 400 to 499, or 500 to 504")
                continue
            }
            codes[name] = code
        }
        block.finish()
        return codes
    }

    private static func redirects(_ value: ManifestValue) -> [RedirectState: Template] {
        guard case .mapping = value.node.content else {
            return value.template().map { [.completed: $0] } ?? [:]
        }
        guard var block = value.block() else { return [:] }
        var redirects: [RedirectState: Template] = [:]
        for state in RedirectState.allCases {
            guard let value = block.take(state.rawValue), let template = value.template() else { continue }
            if state != .completed, template.uses(.result) {
                value.report("a job that is \(state.rawValue) has no result", help: "use {payload.…} or {parameters.…}")
            }
            redirects[state] = template
        }
        block.finish()
        return redirects
    }

    private static func pollAfter(_ value: ManifestValue) -> Endpoint.PollAfter? {
        if case .scalar("auto", _) = value.node.content { return .automatic }
        return value.duration(.zero ... .seconds(86_400)).map { .fixed($0) }
    }
}
