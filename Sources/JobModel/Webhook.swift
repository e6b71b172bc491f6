/// `onComplete`: where a function tells that one of its jobs has ended. The URL is the operator's.
package struct CompletionHook: Equatable, Sendable {
    package enum Event: String, CaseIterable, Sendable {
        case completed, failed, timeout, cancelled

        /// nil while the job lives.
        package init?(_ state: JobState) {
            switch state {
            case .queued, .running, .waiting: return nil
            case .completed: self = .completed
            case .failed: self = .failed
            case .timeout: self = .timeout
            case .cancelled: self = .cancelled
            }
        }
    }

    package var url: Template
    /// nil: the operator's secret.
    package var secret: Secret?
    package var events: Set<Event>

    package init(url: Template, secret: Secret? = nil, events: Set<Event> = Set(Event.allCases)) {
        self.url = url
        self.secret = secret
        self.events = events
    }
}

/// The manifest's `webhooks` block.
package struct WebhookSettings: Equatable, Sendable {
    package var retry: RetryPolicy
    /// One attempt, from the look at the name to the last byte of the answer.
    package var timeout = Duration.seconds(15)
    /// Begins the names of the two headers of our own, and the product in the User-Agent.
    package var headerPrefix = Self.usualPrefix

    package static let usualPrefix = "X-Sluice"

    package init() {
        // At once, after 2 s, after 4 s (reference/asyncly-api.txt).
        retry = RetryPolicy()
        retry.attempts = 3
        retry.jitter = .none
    }
}

/// The manifest's `egress` block: what is open beside the public Internet for URLs that callers give.
package struct EgressSettings: Equatable, Sendable {
    package var ranges: [NetworkRange] = []
    /// Names in lower case, open wherever they lead.
    package var hosts: Set<String> = []

    package init() {}
}

/// Whom a delivery tells, which is who chose its URL.
package enum WebhookAudience: Int64, Sendable, CaseIterable {
    /// The caller, at the URL that came with the job: the egress policy holds.
    case caller = 0
    /// The operator, by the function's `onComplete`.
    case function = 1

    /// As it ends a webhook's id.
    fileprivate var name: String {
        switch self {
        case .caller: "caller"
        case .function: "onComplete"
        }
    }
}

/// One webhook, as it is stored with the end of its job.
package struct NewDelivery: Equatable, Sendable {
    package var audience: WebhookAudience
    package var url: String
    /// What is sent, the same at every attempt.
    package var body: [UInt8]

    package init(audience: WebhookAudience, url: String, body: [UInt8]) {
        self.audience = audience
        self.url = url
        self.body = body
    }
}

/// A stored webhook.
package struct Delivery: Equatable, Sendable {
    package enum State: Int64, Sendable {
        case pending = 0
        case delivered = 1
        /// No attempt is left, or the receiver wants no more.
        case failed = 2
    }

    /// The store's number.
    package var number: Int64
    package var job: JobID
    package var run: Int
    package var function: String
    /// The account whose job it was.
    package var owner: String?
    package var content: NewDelivery
    package var state: State
    /// When the next attempt may be made.
    package var due: Timestamp
    /// Attempts since it was stored or sent again; what is left of the budget is counted by them.
    package var used: Int
    /// Attempts over its whole life.
    package var attempts: Int
    /// Held while an attempt is under way.
    package var lease: Lease?

    package init(
        number: Int64, job: JobID, run: Int, function: String, owner: String?, content: NewDelivery, state: State,
        due: Timestamp, used: Int, attempts: Int, lease: Lease? = nil
    ) {
        self.number = number
        self.job = job
        self.run = run
        self.function = function
        self.owner = owner
        self.content = content
        self.state = state
        self.due = due
        self.used = used
        self.attempts = attempts
        self.lease = lease
    }

    /// `webhook-id`: the same at every attempt, and after a crash, so that receivers know a duplicate.
    package var webhookID: String { "msg_\(job)_\(run)_\(content.audience.name)" }
}

/// One attempt at a delivery, after it ended.
package struct DeliveryAttempt: Equatable, Sendable {
    /// From 1 over the delivery's whole life.
    package var number: Int
    package var startedAt: Timestamp
    package var milliseconds: Int64
    /// nil when there was no answer.
    package var statusCode: Int?
    /// nil when it was delivered.
    package var error: String?

    package init(number: Int, startedAt: Timestamp, milliseconds: Int64, statusCode: Int?, error: String?) {
        self.number = number
        self.startedAt = startedAt
        self.milliseconds = milliseconds
        self.statusCode = statusCode
        self.error = error
    }
}

/// A delivery with its log.
package struct DeliveryRecord: Equatable, Sendable {
    package var delivery: Delivery
    package var attempts: [DeliveryAttempt]

    package init(delivery: Delivery, attempts: [DeliveryAttempt]) {
        self.delivery = delivery
        self.attempts = attempts
    }
}

/// Whose secret signs a webhook.
package enum WebhookSigner: Equatable, Sendable {
    /// The one that `onComplete` names.
    case secret(Secret)
    case `operator`
    case account(String)
    /// Of a caller without an account: each job has its own.
    case job(JobID)
}

/// What a sender is told about one attempt at a delivery.
package struct WebhookMessage: Sendable {
    package var delivery: Delivery
    package var signer: WebhookSigner
    /// From 1.
    package var attempt: Int
    /// When the attempt is made.
    package var time: Timestamp
    package var timeout: Duration
    package var headerPrefix: String

    package init(
        delivery: Delivery, signer: WebhookSigner, attempt: Int, time: Timestamp, timeout: Duration,
        headerPrefix: String
    ) {
        self.delivery = delivery
        self.signer = signer
        self.attempt = attempt
        self.time = time
        self.timeout = timeout
        self.headerPrefix = headerPrefix
    }
}

package struct WebhookAnswer: Equatable, Sendable {
    /// nil when there was none.
    package var statusCode: Int?
    /// nil for 2xx.
    package var error: String?
    /// How long the receiver wants to be left alone.
    package var retryAfter: Duration?

    package init(statusCode: Int?, error: String?, retryAfter: Duration? = nil) {
        self.statusCode = statusCode
        self.error = error
        self.retryAfter = retryAfter
    }

    package var isDelivered: Bool { error == nil }
    /// 410: the receiver is gone for good (Standard Webhooks 1.0, "Disabling endpoints").
    package var endsAttempts: Bool { statusCode == 410 }
}

/// Makes one attempt at a delivery. It never throws, and ends soon after its task is cancelled.
package protocol WebhookSender: Sendable {
    func send(_ message: WebhookMessage) async -> WebhookAnswer
}
