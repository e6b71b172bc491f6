internal import JobModel

/// `onComplete` of a function, and the `webhooks` block.
enum WebhookReader {
    static func onComplete(_ value: ManifestValue) -> CompletionHook? {
        guard var block = value.block(help: "write onComplete: {url: https://…}") else { return nil }
        let url = block.require("url", help: "add \"url: https://…\"").flatMap {
            HTTPTargetReader.url($0, knowsResult: true)
        }
        var hook = url.map { CompletionHook(url: $0) }
        if let secret = block.take("secret")?.signingSecret() { hook?.secret = secret }
        if let value = block.take("events"), let list = value.list() {
            let events = list.compactMap { $0.choice(CompletionHook.Event.self) }
            if list.isEmpty { value.report("must not be empty", help: "leave it out for all events") }
            hook?.events = Set(events)
        }
        block.finish()
        return hook
    }

    static func settings(_ value: ManifestValue) -> WebhookSettings {
        var settings = WebhookSettings()
        guard var block = value.block() else { return settings }
        if var retry = block.take("retry")?.block() {
            var jitterIsSet = true
            DefaultsReader.readRetry(&retry, policy: &settings.retry, jitterIsSet: &jitterIsSet)
            retry.finish()
        }
        if let timeout = block.take("timeout")?.duration(.milliseconds(1) ... .seconds(300)) {
            settings.timeout = timeout
        }
        if let prefix = block.take("headerPrefix"), let text = prefix.nonEmptyString() {
            if text.isSameIgnoringASCIICase(as: "webhook") {
                prefix.report(
                    "webhook-Signature is a field of its own, of Standard Webhooks", help: "write for example X-Acme")
            } else if HTTPHeaderRules.isToken(text), text.utf8.count <= 64, !text.hasSuffix("-") {
                settings.headerPrefix = text
            } else {
                prefix.report("\"\(prefix.shown(text))\" cannot begin a header name", help: "write for example X-Acme")
            }
        }
        block.finish()
        return settings
    }

    /// The `egress` block: CIDRs or host names.
    static func egress(_ value: ManifestValue) -> EgressSettings {
        var settings = EgressSettings()
        guard var block = value.block() else { return settings }
        for entry in block.take("allow")?.list() ?? [] {
            guard let text = entry.nonEmptyString() else { continue }
            if let range = NetworkRange(text), range.hasHostBits {
                entry.report(
                    "\"\(entry.shown(text))\" would open the whole network, and is written with one address of it",
                    help: "write the address alone, or the network's first address: 10.0.0.0/8")
            } else if let range = NetworkRange(text) {
                settings.ranges.append(range)
            } else if isHost(text) {
                settings.hosts.insert(text.asciiLowercased)
            } else {
                entry.report(
                    "\"\(entry.shown(text))\" is neither an address range nor a host name",
                    help: "127.0.0.0/8 or hooks.example.com")
            }
        }
        block.finish()
        return settings
    }

    /// Labels of letters, digits, hyphens and underscores; the last is not a number, or it would be an address (RFC 1123, section
    /// 2.1).
    private static func isHost(_ text: String) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return text.utf8.count <= 253 && labels.last?.contains { !$0.isNumber } == true
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.unicodeScalars.allSatisfy {
                        switch $0 {
                        case "a"..."z", "A"..."Z", "0"..."9", "-", "_": true
                        default: false
                        }
                    }
            }
    }
}
