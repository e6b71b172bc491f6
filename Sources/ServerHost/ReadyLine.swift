internal import FoundationEssentials
internal import FunctionManifest
internal import JobModel
internal import PayloadSchema

/// `sluice ready …`, and a curl line that works.
struct ReadyLine: Sendable {
    let host: String
    let manifest: Manifest
    /// What the shell makes the admin token of.
    let token: String

    init(_ settings: Settings, _ manifest: Manifest) {
        host = settings.host
        self.manifest = manifest
        token =
            settings.adminTokenSource
            ?? "$(cat '\(PathText.join(settings.dataFolder, "admin-token"))')"
    }

    func url(port: Int) -> String {
        // Where a wildcard listens, loopback is there too.
        let name = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "[::1]" : host.contains(":") ? "[\(host)]" : host
        return "http://\(name):\(port)"
    }

    func text(port: Int) -> String {
        let pid = ProcessInfo.processInfo.processIdentifier
        var text =
            "sluice ready \(url(port: port)) functions=\(manifest.functions.count) revision=\(manifest.revision) "
            + "pid=\(pid)\n"
        if let function = example {
            let path = "/" + (manifest.server.basePath + Self.path(of: function.endpoint.path)).joined(separator: "/")
            let credentials =
                function.endpoint.authentication == .required ? "-H \"Authorization: Bearer \(token)\" " : ""
            let method = function.endpoint.method == "POST" ? "" : "-X \(function.endpoint.method) "
            text += "  curl -i \(method)\(credentials)--json '{}' \(url(port: port))\(path)\n"
        }
        return text.escapedForTerminal(keepingLayout: true)
    }

    /// The function that is easiest to call: public if there is one.
    private var example: Function? {
        manifest.functions.first { $0.endpoint.authentication == .public } ?? manifest.functions.first
    }

    /// With a value in place of each parameter, so that the line works as it stands.
    private static func path(of pattern: PathPattern) -> [String] {
        pattern.segments.map { segment in
            switch segment {
            case .literal(let text): text
            case .parameter: "1"
            }
        }
    }
}
