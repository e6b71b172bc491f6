package import JobModel

/// A manifest that has been read whole and found right.
package struct Manifest: Sendable {
    /// The first 12 hex digits of a SHA-256 over the file's bytes and the values of its references.
    package var revision: String
    package var server = ServerSettings()
    package var accounts = AccountLimits()
    package var anonymous = AnonymousLimits()
    package var webhooks = WebhookSettings()
    package var egress = EgressSettings()
    package var functions: [Function] = []
    /// Files named by `${file:…}`, relative to the manifest's folder.
    package var referencedFiles: [String] = []
    /// What its references stood for.
    package var references = ReferenceValues()
    /// How values are written that have references in them.
    var written = WrittenValues()
}

/// The manifest's `server` block.
package struct ServerSettings: Equatable, Sendable {
    package var basePath = ["api", "v1"]
    package var concurrency = 256
    package var maxPayload = 1 << 20
    /// Queued jobs of all functions; past it calls are refused.
    package var maxQueued = 1_000_000
    package var shutdownGrace = Duration.seconds(25)
    package var trustedProxies: [NetworkRange] = []
    package var corsOrigins: [String] = []
    package var hosts: [String] = []
    /// What absolute URLs begin with, without a slash at the end; nil takes scheme and Host of the request.
    package var publicURL: String?
    /// Open connections in all, and of one peer; also the requests of one client address that are held.
    package var connections = 16_384
    package var connectionsPerAddress = 1024
    /// Bytes of the data's file system that stay free: below that nothing is accepted.
    package var minFreeSpace = 256 << 20

    package init() {}
}

/// What reading a file came to.
package enum ManifestResult: Sendable {
    case success(Manifest, warnings: [ManifestProblem])
    case failure([ManifestProblem])

    package var problems: [ManifestProblem] {
        switch self {
        case .success(_, let warnings): warnings
        case .failure(let problems): problems
        }
    }
}
