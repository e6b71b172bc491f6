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

extension Job {
    /// The owner of jobs that came with the admin token.
    package static let adminOwner = "admin"

    /// The account whose limits the job counts in; nil without one.
    package var account: String? { owner == Self.adminOwner ? nil : owner }
}
