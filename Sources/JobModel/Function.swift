/// One declared job type, as the manifest says with all defaults filled in.
///
/// It takes one word, and copies share what it says: every call and every attempt carries one.
package struct Function: Equatable, Sendable {
    private struct Facts: Equatable, Sendable {
        var name: String
        var summary: String?
        var handler: HandlerDeclaration
        var endpoint: Endpoint
        var timeout: Duration = Duration.seconds(30)
        var maxWait: Duration = Duration.seconds(7 * 86_400)
        var retry: RetryPolicy = RetryPolicy()
        var retention: Retention = Retention()
        var idempotency: IdempotencyRule?
        var onComplete: CompletionHook?
        var limits: FunctionLimits = FunctionLimits()
        var priority: Int = 0
        var delay: Duration = Duration.zero
        var paused: Bool = false
    }

    private final class Box: @unchecked Sendable {  // Written only where nobody else has a reference: see `change`.
        var facts: Facts
        init(_ facts: Facts) { self.facts = facts }
    }

    private var box: Box

    package init(name: String, handler: HandlerDeclaration, endpoint: Endpoint) {
        box = Box(Facts(name: name, handler: handler, endpoint: endpoint))
    }

    package static func == (left: Function, right: Function) -> Bool {
        left.box === right.box || left.box.facts == right.box.facts
    }

    private mutating func change(_ body: (inout Facts) -> Void) {
        if !isKnownUniquelyReferenced(&box) { box = Box(box.facts) }
        body(&box.facts)
    }

    package var name: String {
        get { box.facts.name }
        set { change { $0.name = newValue } }
    }

    package var summary: String? {
        get { box.facts.summary }
        set { change { $0.summary = newValue } }
    }

    package var handler: HandlerDeclaration {
        get { box.facts.handler }
        set { change { $0.handler = newValue } }
    }

    package var endpoint: Endpoint {
        get { box.facts.endpoint }
        set { change { $0.endpoint = newValue } }
    }

    /// One attempt.
    package var timeout: Duration {
        get { box.facts.timeout }
        set { change { $0.timeout = newValue } }
    }

    /// From acceptance or the scheduled time, whichever is later, to the end: queueing, attempts, backoff.
    package var maxWait: Duration {
        get { box.facts.maxWait }
        set { change { $0.maxWait = newValue } }
    }

    package var retry: RetryPolicy {
        get { box.facts.retry }
        set { change { $0.retry = newValue } }
    }

    package var retention: Retention {
        get { box.facts.retention }
        set { change { $0.retention = newValue } }
    }

    package var idempotency: IdempotencyRule? {
        get { box.facts.idempotency }
        set { change { $0.idempotency = newValue } }
    }

    package var onComplete: CompletionHook? {
        get { box.facts.onComplete }
        set { change { $0.onComplete = newValue } }
    }

    package var limits: FunctionLimits {
        get { box.facts.limits }
        set { change { $0.limits = newValue } }
    }

    /// -100 ... 100, higher first within the function.
    package var priority: Int {
        get { box.facts.priority }
        set { change { $0.priority = newValue } }
    }

    /// Added to every job's start.
    package var delay: Duration {
        get { box.facts.delay }
        set { change { $0.delay = newValue } }
    }

    /// Accepts, does not start.
    package var paused: Bool {
        get { box.facts.paused }
        set { change { $0.paused = newValue } }
    }
}

/// How long ended jobs stay readable; `failed` covers timeout and cancelled.
package struct Retention: Equatable, Sendable {
    package var completed = Duration.seconds(86_400)
    package var failed = Duration.seconds(7 * 86_400)
    /// Added to the above: so long a purged job is still known to have existed.
    package var tombstone = Duration.seconds(30 * 86_400)

    package init() {}

    package func duration(of state: JobState) -> Duration {
        switch state {
        case .completed: completed
        case .failed, .timeout, .cancelled, .queued, .running, .waiting: failed
        }
    }
}

/// `idempotency: {key: payload.orderId, window: 24h}`.
package struct IdempotencyRule: Equatable, Sendable {
    /// Taken when the caller sends no Idempotency-Key.
    package var key: ValuePath?
    /// How long a key is remembered; nil for the shortest retention, at most 24 hours.
    package var window: Duration?

    package init(key: ValuePath?, window: Duration?) {
        self.key = key
        self.window = window
    }
}

extension Function {
    /// Where its attempts go; nil for what runs on this machine.
    package var target: String? {
        switch handler {
        case .builtin: nil
        case .http(let target): target.origin.description
        }
    }

    /// Whether a call's payload has to be parsed before it is accepted, not only checked.
    package var readsPayload: Bool {
        idempotency?.key?.root == .payload || limits.needPayload
            || endpoint.redirects[.pending]?.uses(.payload) == true
    }

    /// How long an idempotency key of this function is remembered.
    package var idempotencyWindow: Duration {
        idempotency?.window ?? min(.seconds(86_400), retention.completed, retention.failed)
    }
}

/// What an attempt runs. More kinds come with the releases that run them.
package enum HandlerDeclaration: Equatable, Sendable {
    case builtin(Builtin)
    case http(HTTPTarget)

    /// Whether an attempt that ran past its timeout is tried again.
    package var retriesTimeouts: Bool {
        switch self {
        case .builtin: true
        case .http(let target): target.retriesTimeouts
        }
    }
}

/// A simulated handler.
package struct Builtin: Equatable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case sendEmail = "send-email"
        case generateReport = "generate-report"
        case resizeImage = "resize-image"
        case echo

        /// What the handler takes when the manifest says nothing (CONTRACT 3, Handlers).
        package var usualDuration: Duration {
            switch self {
            case .sendEmail: .seconds(2)
            case .generateReport: .seconds(5)
            case .resizeImage: .seconds(3)
            case .echo: .seconds(1)
            }
        }
    }

    package var kind: Kind
    package var duration: Duration
    /// Share of the duration by which an attempt may be shorter or longer, 0 ... 1.
    package var spread = 0.0
    /// Share of the attempts that fail, 0 ... 1.
    package var failureRate = 0.0
    /// The HTTP status that failing attempts report, 400 ... 599.
    package var status = 500
    /// Failing attempts do not answer at all.
    package var hang = false
    /// What failing attempts ask for as the next delay.
    package var retryAfter: Duration?

    package init(kind: Kind) {
        self.kind = kind
        self.duration = kind.usualDuration
    }
}
