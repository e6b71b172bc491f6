/// What the jobs of one account may take up, all functions together.
package struct AccountLimits: Equatable, Sendable {
    /// Running attempts.
    package var concurrency = 256
    /// Queued jobs; past it calls are refused.
    package var maxQueued = 10_000

    package init() {}
}

/// What the jobs of one client address without credentials may take up, all functions together. Loopback is not counted.
package struct AnonymousLimits: Equatable, Sendable {
    /// Running attempts.
    package var concurrency = 128
    /// Queued jobs; past it calls are refused.
    package var maxQueued = 10_000
    /// The longest delay that such a caller may ask for.
    package var maxDelay = Duration.seconds(86_400)

    package init() {}

    /// What one address may have of a function's queue, so that it never fills it alone.
    package static func share(ofQueue maxQueued: Int) -> Int { max(1, maxQueued / 4) }

    /// What all addresses together may have of a function's queue: the rest is kept for callers with credentials.
    package static func sharesTogether(ofQueue maxQueued: Int) -> Int { max(1, maxQueued * 3 / 4) }
}

/// One loaded manifest as the engine sees it: what can run, under which revision.
package struct Deployment: Sendable {
    /// Rises with every deployment that succeeds another.
    package private(set) var number = 0
    package var revision: String
    /// Declared functions, by name.
    private let units: [String: Function]
    /// Running attempts in all.
    package var concurrency: Int
    /// Queued jobs in all; past it calls are refused.
    package var maxQueued: Int
    package var accounts: AccountLimits
    package var anonymous: AnonymousLimits
    package var webhooks: WebhookSettings
    /// Bytes of the data's file system that stay free; 0 for none.
    package var minFreeSpace: Int
    /// How long running attempts may go on after a shutdown began.
    package var shutdownGrace: Duration
    /// Functions that former revisions declared, as they were last: their jobs are still answered by them.
    private var former: [String: Function] = [:]

    package init(
        revision: String, functions: [Function], concurrency: Int, maxQueued: Int = 1_000_000,
        accounts: AccountLimits = AccountLimits(), anonymous: AnonymousLimits = AnonymousLimits(),
        webhooks: WebhookSettings = WebhookSettings(), minFreeSpace: Int = 0,
        shutdownGrace: Duration = .seconds(25)
    ) {
        self.minFreeSpace = minFreeSpace
        self.shutdownGrace = shutdownGrace
        self.revision = revision
        units = Dictionary(functions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.concurrency = concurrency
        self.maxQueued = maxQueued
        self.accounts = accounts
        self.anonymous = anonymous
        self.webhooks = webhooks
    }

    /// This deployment in the place of another: it remembers what that one declared.
    package func succeeding(_ other: Deployment) -> Deployment {
        var next = self
        next.number = other.number + 1
        next.former = other.former.merging(other.units) { $1 }.filter { units[$0.key] == nil }
        return next
    }

    /// The declared functions.
    package var functions: some Collection<Function> & Sendable { units.values }

    /// Every function that is declared, or was since the server started.
    package var knownNames: [String] { Array(units.keys) + Array(former.keys) }

    /// What is done with a job; nil for one whose unit of execution no revision has declared since the server started.
    package func policy(for job: Job) -> JobPolicy? { policy(of: job.function, with: job.options) }

    /// What is done with jobs of a unit of execution, for whoever has no job yet: an endpoint, a lane.
    package func policy(of unit: String, with options: JobOptions = JobOptions()) -> JobPolicy? {
        if let function = units[unit] { return JobPolicy(function, with: options, isDeclared: true) }
        return former[unit].map { JobPolicy($0, with: options, isDeclared: false) }
    }

    /// How many attempts of one account run at once: its limit, and never more than there are slots.
    package var accountConcurrency: Int { min(accounts.concurrency, concurrency) }
}
