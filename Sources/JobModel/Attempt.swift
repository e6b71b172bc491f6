/// One try at running a job, after it ended.
package struct Attempt: Equatable, Sendable {
    package enum Result: Int64, Sendable, CaseIterable {
        case completed = 0
        case failed = 1
        /// Ran past the function's `timeout`.
        case timeout = 2
        /// Stopped because the job's `maxWait` had passed.
        case expired = 3
        /// Stopped by a cancellation with force.
        case cancelled = 4
        /// Cut off by a crash of the server.
        case lost = 5
    }

    /// From 1 over the job's whole life.
    package var number: Int
    package var run: Int
    package var startedAt: Timestamp
    package var completedAt: Timestamp
    package var result: Result
    package var statusCode: Int?
    package var error: String?
    /// The manifest revision under which it ran.
    package var revision: String
    /// What its target answered; nil for what is not an HTTP call, or never got that far.
    package var exchange: Exchange?

    package init(
        number: Int, run: Int, startedAt: Timestamp, completedAt: Timestamp, result: Result, statusCode: Int? = nil,
        error: String? = nil, revision: String, exchange: Exchange? = nil
    ) {
        self.exchange = exchange
        self.number = number
        self.run = run
        self.startedAt = startedAt
        self.completedAt = completedAt
        self.result = result
        self.statusCode = statusCode
        self.error = error
        self.revision = revision
    }
}
