internal import JobModel
internal import NIOHTTP1
internal import PayloadSchema

/// Keeps pages of other sites from changing anything with a browser's help. A page may send simple requests anywhere, and
/// an empty body needs no preflight; browsers say where a request comes from (CONTRACT 4).
struct SiteCheck: Sendable {
    /// The authority of `publicUrl`.
    private let publicAuthority: String?
    private let origins: Set<MemberName>

    /// - Parameter origins: those that the manifest lets in (`cors.origins`).
    init(publicURL: String?, origins: [String]) {
        publicAuthority = publicURL.map(Self.authority)
        self.origins = Set(origins.map(MemberName.init))
    }

    func check(_ request: ServerRequest) throws(Problem) {
        switch request.method {
        case "GET", "HEAD", "OPTIONS": return
        default: break
        }
        guard request.carries(.origin) || request.carries(.secFetchSite) else {
            return
        }
        let sent = request.headers["origin"]
        let isCross = request.headers["sec-fetch-site"].contains { $0.isSameIgnoringASCIICase(as: "cross-site") }
        if sent.count == 1, origins.contains(MemberName(sent[0])) { return }
        guard isCross || !sent.allSatisfy({ isOwn($0, request.host) }) else { return }
        let origin = sent.first.map { " (\($0.prefix(100)))" } ?? ""
        throw Problem(
            403,
            "A page of another site\(origin) may not send this. Add its origin to server.cors.origins in the manifest; "
                + "behind a proxy that changes Host, set server.publicUrl.",
            kind: "cross-site", title: "Cross-site request")
    }

    /// The scheme is not compared: a proxy in front may speak TLS for us.
    private func isOwn(_ origin: String, _ host: String?) -> Bool {
        guard let authority = URLAuthority(of: origin), !authority.host.isEmpty else { return false }
        let name = Self.name(authority)
        return name == publicAuthority
            || name == host.flatMap { URLAuthority(of: "\(authority.scheme)://\($0)") }.map(Self.name)
    }

    private static func authority(_ url: String) -> String { URLAuthority(of: url).map(name) ?? "" }

    /// Host and port, without a port that is the scheme's own.
    private static func name(_ authority: URLAuthority) -> String {
        switch authority.port {
        case .unwritten, .number(80), .number(443): authority.host
        case .number(let port): "\(authority.host):\(port)"
        case .invalid: ""
        }
    }
}
