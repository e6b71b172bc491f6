internal import JobModel

/// One value of a manifest in the manifest's own words, by its path below the function or the file.
struct ManifestField: Equatable {
    private enum Kind { case plain, secret, url }

    var path: String
    /// nil where the key is left out and has no default.
    var value: String?
    /// What of it may be told: values go into logs.
    private(set) var shown: String?
    /// Where it is written, when that is elsewhere.
    private var source: String?
    private let kind: Kind

    init(_ path: String, _ value: String?, writtenAt source: String? = nil) {
        self.path = path
        self.value = value
        self.source = source
        shown = value
        kind = .plain
    }

    init(_ path: String, secret: Secret?) {
        self.path = path
        value = secret?.revealed
        shown = secret.map { "\($0)" }
        kind = .secret
    }

    /// Paths, queries and user names of URLs carry tokens: only where it leads is told.
    init(_ path: String, url: Template?) {
        self.path = path
        value = url?.text
        shown = value.map { "\(URLOrigin(of: $0))/…" }
        kind = .url
    }

    /// With what is written in place of what references stand for.
    ///
    /// - Parameter owner: the path of what the field is of; empty for the file.
    func showing(_ written: WrittenValues, of owner: String) -> ManifestField {
        let path = source ?? path
        guard value != nil, let text = owner.isEmpty ? written[path] : written.text(of: path, below: owner) else {
            return self
        }
        var field = self
        switch kind {
        case .plain: field.shown = text
        case .secret: break
        case .url: field.shown = Self.destination(text)
        }
        return field
    }

    /// Where a URL leads that has references in it: its origin when no reference is part of that, else the references alone.
    private static func destination(_ written: String) -> String {
        let parts = written.split(separator: "${", omittingEmptySubsequences: false)
        let start = parts.first ?? ""
        if let authority = URLAuthority(of: start), !authority.host.isEmpty,
            start.utf8.dropFirst(authority.scheme.utf8.count + 3).contains(where: { #"/?#\"#.utf8.contains($0) })
        {
            return "\(URLOrigin(of: start))/…"
        }
        let names = parts.dropFirst().compactMap { part -> String? in
            guard let end = part.firstIndex(of: "}") else { return nil }
            let reference = part[..<end]
            // A default may be a URL with a password in it.
            return reference.hasPrefix("file:")
                ? "\(reference)" : reference.split(separator: ":").first.map(String.init)
        }
        return names.map { "${\($0)}" }.joined() + "/…"
    }
}

/// Everything that a reload can change, value by value.
enum ManifestFields {
    static func of(_ function: Function) -> [ManifestField] {
        let endpoint = function.endpoint
        var fields = handler(function.handler)
        fields += [
            ManifestField("summary", function.summary), ManifestField("endpoint.method", endpoint.method),
            ManifestField("endpoint.path", endpoint.path.description),
            ManifestField("endpoint.mode", endpoint.mode.rawValue),
            ManifestField("endpoint.auth", endpoint.authentication.rawValue),
            ManifestField("endpoint.pollAfter", pollAfter(endpoint.pollAfter)),
            ManifestField("endpoint.callerWebhook", "\(endpoint.callerWebhook)"),
        ]
        fields += StatusName.allCases.map { name in
            ManifestField("endpoint.statusCodes.\(name.rawValue)", endpoint.statusCodes[name].map { "\($0)" })
        }
        fields += RedirectState.allCases.map { state in
            ManifestField("endpoint.redirect.\(state.rawValue)", endpoint.redirects[state]?.text)
        }
        fields += [
            ManifestField("timeout", function.timeout.written), ManifestField("maxWait", function.maxWait.written),
        ]
        fields += retry("retry", function.retry)
        fields += [
            ManifestField("retention.completed", function.retention.completed.written),
            ManifestField("retention.failed", function.retention.failed.written),
            ManifestField("retention.tombstone", function.retention.tombstone.written),
            ManifestField("idempotency.key", function.idempotency?.key?.description),
            ManifestField("idempotency.window", function.idempotency?.window?.written),
            ManifestField("rateLimit", list(function.limits.rate.map { limit($0.limit, $0.per, nil, $0.key) })),
            ManifestField("throttle", list(function.limits.throttle.map { limit($0.limit, $0.per, $0.burst, $0.key) })),
            ManifestField("concurrency", list(function.limits.concurrency.map { limit($0.limit, nil, nil, $0.key) })),
            ManifestField("maxQueued", "\(function.limits.maxQueued)"),
            ManifestField("priority", "\(function.priority)"), ManifestField("delay", function.delay.written),
            ManifestField("paused", "\(function.paused)"),
            ManifestField("onComplete.url", url: function.onComplete?.url),
            ManifestField("onComplete.secret", secret: function.onComplete?.secret),
            ManifestField(
                "onComplete.events", function.onComplete.map { list($0.events.map(\.rawValue).sorted()) ?? "" }),
        ]
        return fields
    }

    /// What is no function's.
    static func of(_ manifest: Manifest) -> [ManifestField] {
        let server = manifest.server
        let webhooks = manifest.webhooks
        return [
            ManifestField("server.basePath", "/" + server.basePath.joined(separator: "/")),
            ManifestField("server.concurrency", "\(server.concurrency)"),
            ManifestField("server.maxPayload", "\(server.maxPayload)B"),
            ManifestField("server.maxQueued", "\(server.maxQueued)"),
            ManifestField("server.shutdownGrace", server.shutdownGrace.written),
            ManifestField("server.trustedProxies", list(server.trustedProxies.map { "\($0)" })),
            ManifestField("server.cors.origins", list(server.corsOrigins)),
            ManifestField("server.hosts", list(server.hosts)),
            ManifestField("server.publicUrl", server.publicURL ?? "none"),
            ManifestField("server.connections.total", "\(server.connections)"),
            ManifestField("server.connections.perAddress", "\(server.connectionsPerAddress)"),
            ManifestField("server.minFreeSpace", "\(server.minFreeSpace)B"),
            ManifestField("accounts.concurrency", "\(manifest.accounts.concurrency)"),
            ManifestField("accounts.maxQueued", "\(manifest.accounts.maxQueued)"),
            ManifestField("anonymous.concurrency", "\(manifest.anonymous.concurrency)"),
            ManifestField("anonymous.maxQueued", "\(manifest.anonymous.maxQueued)"),
            ManifestField("anonymous.maxDelay", manifest.anonymous.maxDelay.written),
            ManifestField("webhooks.timeout", webhooks.timeout.written),
            ManifestField("webhooks.headerPrefix", webhooks.headerPrefix),
            ManifestField(
                "egress.allow", list(manifest.egress.ranges.map { "\($0)" } + manifest.egress.hosts.sorted())),
        ] + retry("webhooks.retry", webhooks.retry)
    }

    private static func handler(_ handler: HandlerDeclaration) -> [ManifestField] {
        switch handler {
        case .builtin(let builtin):
            return [
                ManifestField("handler", "builtin \(builtin.kind.rawValue)", writtenAt: "handler.builtin"),
                ManifestField("handler.simulate.duration", builtin.duration.written),
                ManifestField("handler.simulate.spread", "\(builtin.spread)"),
                ManifestField("handler.simulate.failureRate", "\(builtin.failureRate)"),
                ManifestField("handler.simulate.status", "\(builtin.status)"),
                ManifestField("handler.simulate.hang", "\(builtin.hang)"),
                ManifestField("handler.simulate.retryAfter", builtin.retryAfter?.written),
            ]
        case .http(let target):
            var retryOn = target.retryOn.map(text)
            if target.retriesNetwork { retryOn.append("network") }
            if target.retriesTimeouts { retryOn.append("timeout") }
            return [
                ManifestField("handler", "http", writtenAt: "handler.builtin"),
                ManifestField("handler.http.url", url: target.url),
                ManifestField("handler.http.method", target.method),
                ManifestField("handler.http.forwardHeaders", list(target.forwardHeaders)),
                ManifestField("handler.http.successOn", list(target.successOn.map(text))),
                ManifestField("handler.http.retryOn", list(retryOn)),
                ManifestField("handler.http.honourRetryAfter", "\(target.honoursRetryAfter)"),
                ManifestField("handler.http.passRedirect", "\(target.passesRedirect)"),
                ManifestField("handler.http.secret", secret: target.secret),
            ]
                // A header may carry a token.
                + target.headers.map {
                    ManifestField("handler.http.headers.\($0.name)", secret: Secret($0.value.text))
                }
        }
    }

    private static func retry(_ path: String, _ policy: RetryPolicy) -> [ManifestField] {
        [
            ManifestField("\(path).attempts", "\(policy.attempts)"),
            ManifestField("\(path).backoff", policy.backoff.rawValue),
            ManifestField("\(path).delay", policy.delay.written), ManifestField("\(path).factor", "\(policy.factor)"),
            ManifestField("\(path).maxDelay", policy.maxDelay.written),
            ManifestField("\(path).jitter", policy.jitter.rawValue),
            ManifestField("\(path).delays", policy.delays.flatMap { list($0.map(\.written)) }),
        ]
    }

    private static func list(_ values: [String]) -> String? {
        values.isEmpty ? nil : values.count == 1 ? values[0] : "[\(values.joined(separator: ", "))]"
    }

    private static func limit(_ limit: Int, _ per: Duration?, _ burst: Int?, _ key: LimitKey?) -> String {
        var text = "\(limit)"
        if let per { text += " per \(per.written)" }
        if let burst, burst > 1 { text += ", burst \(burst)" }
        switch key {
        case nil: break
        case .account?: text += " by account"
        case .ip?: text += " by ip"
        case .value(let path)?: text += " by \(path)"
        }
        return text
    }

    private static func pollAfter(_ advice: Endpoint.PollAfter) -> String {
        switch advice {
        case .automatic: "auto"
        case .fixed(let duration): duration.written
        }
    }

    private static func text(_ rule: StatusRule) -> String {
        switch rule {
        case .code(let code): "\(code)"
        case .family(let digit): "\(digit)xx"
        }
    }
}

extension Template {
    /// As it is written in the manifest.
    fileprivate var text: String {
        pieces.map { piece in
            switch piece {
            case .literal(let text): text
            case .reference(let path): "{\(path)}"
            }
        }.joined()
    }
}
