/// An `http` handler as the manifest declares it (CONTRACT 3).
package struct HTTPTarget: Equatable, Sendable {
    package struct Header: Equatable, Sendable {
        package var name: String
        package var value: Template

        package init(name: String, value: Template) {
            self.name = name
            self.value = value
        }
    }

    package var url: Template
    /// What is up or down as one.
    package let origin: URLOrigin
    package var method = "POST"
    package var headers: [Header] = []
    /// Answers that complete a job, unless `retryOn` has them.
    package var successOn: [StatusRule] = [.family(2), .family(3), .family(4)]
    /// Looked at first.
    package var retryOn = StatusRule.transient
    /// Whether an attempt without an answer is tried again.
    package var retriesNetwork = true
    /// Whether an attempt that ran out of time is tried again.
    package var retriesTimeouts = true
    /// Whether a target's `Retry-After` sets the next delay.
    package var honoursRetryAfter = true
    /// Fields of the caller's request that go on to the target.
    package var forwardHeaders: [String] = []
    /// Whether a 303 with a Location becomes the job's redirect.
    package var passesRedirect = false
    /// Requests are signed with it as webhooks are.
    package var secret: Secret?
    /// Named by the caller of one job, not by the operator: the egress policy holds for it.
    package var isOfCaller = false

    package init(url: Template) {
        self.url = url
        // What a manifest declares has its host in front of the first reference.
        let start = if case .literal(let text)? = url.pieces.first { text } else { "" }
        origin = URLOrigin(of: start)
    }
}

/// `503` or `5xx`.
package enum StatusRule: Equatable, Sendable {
    case code(Int)
    /// By its first digit.
    case family(Int)

    /// What asks to be tried again unless the manifest says otherwise (CONTRACT 3, Handlers).
    package static let transient: [StatusRule] = [.code(408), .code(425), .code(429), .family(5)]

    package func matches(_ status: Int) -> Bool {
        switch self {
        case .code(let code): status == code
        case .family(let digit): status / 100 == digit
        }
    }
}

extension HTTPTarget {
    /// Whether a caller's field of this name goes on to the target.
    package func forwards(_ name: String) -> Bool {
        forwardHeaders.contains { $0.isSameIgnoringASCIICase(as: name) }
    }

    package enum Verdict: Equatable, Sendable { case success, retry, failure }

    /// What an answer with this status means: `retryOn` first, then `successOn`; what is in neither fails for good.
    package func verdict(on status: Int) -> Verdict {
        if retryOn.contains(where: { $0.matches(status) }) { return .retry }
        return successOn.contains { $0.matches(status) } ? .success : .failure
    }
}
