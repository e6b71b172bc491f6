/// What the jobs of one account may take up, all functions together.
package struct AccountLimits: Equatable, Sendable {
    /// Running attempts.
    package var concurrency = 256
    /// Queued jobs; past it calls are refused.
    package var maxQueued = 10_000

    package init() {}
}

/// One loaded manifest as the engine sees it: what can run, under which revision.
package struct Deployment: Sendable {
    package var revision: String
    package var functions: [String: Function]
    /// Running attempts in all.
    package var concurrency: Int
    /// Queued jobs in all; past it calls are refused.
    package var maxQueued: Int
    package var accounts: AccountLimits
    package var webhooks: WebhookSettings
    /// Attempts that may be under way to one target: some slots are kept for the functions that go elsewhere, if any do.
    package let targetConcurrency: Int

    package init(
        revision: String, functions: [Function], concurrency: Int, maxQueued: Int = 1_000_000,
        accounts: AccountLimits = AccountLimits(), webhooks: WebhookSettings = WebhookSettings()
    ) {
        self.revision = revision
        self.functions = Dictionary(functions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.concurrency = concurrency
        let goesToOneTarget = Set(functions.map(\.target)).count <= 1
        targetConcurrency = goesToOneTarget ? concurrency : max(1, concurrency - concurrency / 4)
        self.maxQueued = maxQueued
        self.accounts = accounts
        self.webhooks = webhooks
    }

    /// How many attempts of one account run at once: its limit, and never more than there are slots.
    package var accountConcurrency: Int { min(accounts.concurrency, concurrency) }
}
