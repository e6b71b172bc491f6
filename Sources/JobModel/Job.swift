/// What was accepted. It never changes.
package struct Job: Equatable, Sendable {
    package var id: JobID
    /// Its unit of execution: the name of a declared function. Of units that no manifest names so (a fallback, a target of the
    /// caller's own) the name begins with a colon, which no function's does.
    package var function: String
    /// What the caller calls it: the function's name, unless the unit runs more than one type. Callers make it up: it is
    /// never the name of a queue or of a metric.
    package var type: String
    /// The account whose credentials came with it; nil when none did: then whoever has the link may read it.
    package var owner: String?
    /// The caller's address, kept only where a limit counts by it.
    package var client: String?
    /// The manifest revision under which it was accepted.
    package var revision: String
    package var createdAt: Timestamp
    /// The start that was asked for, when it was to be later than at once.
    package var scheduledFor: Timestamp?
    package var priority: Int
    /// The bytes of the body as they came; nil for an empty one.
    package var payload: [UInt8]?
    /// One JSON object of path and query values; nil when there are none.
    package var parameters: [UInt8]?
    package var options: JobOptions

    /// - Parameter type: the function's name unless it is given.
    package init(
        id: JobID, function: String, type: String? = nil, owner: String? = nil, client: String? = nil, revision: String,
        createdAt: Timestamp,
        scheduledFor: Timestamp? = nil, priority: Int = 0, payload: [UInt8]? = nil, parameters: [UInt8]? = nil,
        options: JobOptions = JobOptions()
    ) {
        self.id = id
        self.function = function
        self.type = type ?? function
        self.owner = owner
        self.client = client
        self.revision = revision
        self.createdAt = createdAt
        self.scheduledFor = scheduledFor
        self.priority = priority
        self.payload = payload
        self.parameters = parameters
        self.options = options
    }
}

/// One header field of an HTTP message.
package struct HeaderField: Equatable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

extension Job {
    /// The owner of jobs that came with the admin token.
    package static let adminOwner = "admin"

    /// The account whose limits the job counts in; nil without one.
    package var account: String? { owner == Self.adminOwner ? nil : owner }
}

/// How far a job has come: counted over the attempts of its life and of its present run.
package struct JobProgress: Equatable, Sendable {
    /// 1 for the first; a manual retry opens the next.
    package var run = 1
    /// The number of the latest attempt over the job's whole life; 0 before the first.
    package var attempt = 0
    /// Attempts of this run that used up its budget.
    package var used = 0
    /// Attempts of this run that a crash of the server cut off.
    package var lost = 0
    /// The error of the latest failed attempt.
    package var lastError: String?

    package init(run: Int = 1, attempt: Int = 0, used: Int = 0, lost: Int = 0, lastError: String? = nil) {
        self.run = run
        self.attempt = attempt
        self.used = used
        self.lost = lost
        self.lastError = lastError
    }

    /// CONTRACT 1: attempts of the run that used up budget, minus one, never below 0.
    package var retryCount: Int { max(0, used - 1) }
}

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
    /// What its target answered; nil for what is no HTTP call, or never got that far.
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
