internal import JobModel

/// The `server` block.
enum ServerReader {
    /// First segments that belong to other surfaces (CONTRACT 3, `basePath`).
    private static let taken: [[String]] = [
        ["v1"], ["ws"], ["docs"], ["dev"], ["api", "auth"], ["api", "jobs"],
    ]

    static func read(_ value: ManifestValue) -> ServerSettings {
        var settings = ServerSettings()
        guard var block = value.block() else { return settings }
        if let path = block.take("basePath") { basePath(path).map { settings.basePath = $0 } }
        if let number = block.take("concurrency")?.integer(1...Limits.concurrency) { settings.concurrency = number }
        if let size = block.take("maxPayload")?.size(1...Limits.payloadBytes) { settings.maxPayload = size }
        if let count = block.take("maxQueued")?.integer(ManifestRange.counts) { settings.maxQueued = count }
        if let grace = block.take("shutdownGrace")?.duration(.zero ... .seconds(3600)) {
            settings.shutdownGrace = grace
        }
        if let list = block.take("trustedProxies")?.list() {
            settings.trustedProxies = list.compactMap(range)
        }
        if var cors = block.take("cors")?.block() {
            if let list = cors.take("origins")?.list() { settings.corsOrigins = list.compactMap(origin) }
            cors.finish()
        }
        if let list = block.take("hosts")?.list() { settings.hosts = list.compactMap(host) }
        if let value = block.take("publicUrl") { settings.publicURL = publicURL(value) }
        if var connections = block.take("connections")?.block() {
            if let count = connections.take("total")?.integer(128...1_000_000) { settings.connections = count }
            if let count = connections.take("perAddress")?.integer(1...1_000_000) {
                settings.connectionsPerAddress = count
            }
            connections.finish()
        }
        if let size = block.take("minFreeSpace")?.size(0...(1 << 50)) { settings.minFreeSpace = size }
        block.finish()
        return settings
    }

    /// Scheme and host, perhaps a port: what stands in front of every path.
    private static func publicURL(_ value: ManifestValue) -> String? {
        guard let text = value.nonEmptyString() else { return nil }
        if text == "none" { return nil }
        let help = "write scheme and host alone: https://jobs.example.com"
        guard let authority = URLAuthority(of: text), HTTPScheme(of: text) != nil, !authority.host.isEmpty,
            !authority.hasUserInfo, authority.port != .invalid, text.utf8.allSatisfy(ASCII.isVisible)
        else {
            value.report("\"\(text)\" is not an http or https URL", help: help)
            return nil
        }
        let bare = text.hasSuffix("/") ? String(text.dropLast()) : text
        let rest = bare.utf8.dropFirst("\(authority.scheme)://".utf8.count)
        guard !rest.contains(where: { "/?#".utf8.contains($0) }) else {
            value.report("\"\(text)\" has a path or a query", help: help)
            return nil
        }
        return bare
    }

    private static func basePath(_ value: ManifestValue) -> [String]? {
        guard let text = value.string() else { return nil }
        guard text.hasPrefix("/"), text.count > 1, !text.hasSuffix("/") else {
            value.report(
                "\"\(value.shown(text))\" is not a base path", help: "it starts with \"/\" and has a name: /api/v1")
            return nil
        }
        guard let pattern = try? PathPattern(String(text.dropFirst())) else {
            value.report(
                "\"\(value.shown(text))\" is not a base path",
                help: "use letters, digits, \"-\", \".\", \"_\" and \"~\"")
            return nil
        }
        let segments = pattern.segments.compactMap {
            if case .literal(let text) = $0 { text } else { nil }
        }
        guard segments.count == pattern.segments.count else {
            value.report("a base path has no parameters")
            return nil
        }
        let isTaken = taken.contains { segments.starts(with: $0) } || segments == ["api"]
        guard !isTaken else {
            value.report("\"\(value.shown(text))\" belongs to another API of Sluice", help: "the default is /api/v1")
            return nil
        }
        return segments
    }

    private static func range(_ value: ManifestValue) -> NetworkRange? {
        guard let text = value.nonEmptyString() else { return nil }
        guard let range = NetworkRange(text) else {
            value.report(
                "\"\(value.shown(text))\" is not an address range", help: "write CIDR notation: 10.0.0.0/8 or fd00::/8")
            return nil
        }
        return range
    }

    /// An origin as browsers send it (RFC 6454, section 6.2).
    private static func origin(_ value: ManifestValue) -> String? {
        guard let text = value.nonEmptyString() else { return nil }
        let rest = HTTPScheme(of: text).map { text.utf8.dropFirst($0.prefix.utf8.count) }
        guard let rest, !rest.isEmpty, !rest.contains(UInt8(ascii: "/")), !rest.contains(UInt8(ascii: "*")),
            !text.utf8.contains(where: { ASCII.lowercase($0) != $0 })
        else {
            value.report(
                "\"\(value.shown(text))\" is not an origin",
                help: "write scheme and host in lower case: https://app.example.com")
            return nil
        }
        return text
    }

    private static func host(_ value: ManifestValue) -> String? {
        guard let text = value.nonEmptyString() else { return nil }
        let allowed = text.unicodeScalars.allSatisfy {
            switch $0 {
            case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_", "[", "]", ":": true
            default: false
            }
        }
        guard allowed else {
            value.report(
                "\"\(value.shown(text))\" is not a host name", help: "write the name alone: sluice.example.com")
            return nil
        }
        return text.asciiLowercased
    }
}
