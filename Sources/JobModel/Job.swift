/// What was accepted. It never changes.
package struct Job: Equatable, Sendable {
    package var id: JobID
    package var function: String
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
    /// Where the caller wants to be told that it has ended.
    package var webhook: String?
    /// Header fields of the call that its handler is to send on; empty for most jobs.
    package var forwarded: [HeaderField]

    package init(
        id: JobID, function: String, owner: String? = nil, client: String? = nil, revision: String,
        createdAt: Timestamp,
        scheduledFor: Timestamp? = nil, priority: Int = 0, payload: [UInt8]? = nil, parameters: [UInt8]? = nil,
        webhook: String? = nil, forwarded: [HeaderField] = []
    ) {
        self.id = id
        self.function = function
        self.owner = owner
        self.client = client
        self.revision = revision
        self.createdAt = createdAt
        self.scheduledFor = scheduledFor
        self.priority = priority
        self.payload = payload
        self.parameters = parameters
        self.webhook = webhook
        self.forwarded = forwarded
    }
}

extension Job {
    /// The owner of jobs that came with the admin token.
    package static let adminOwner = "admin"

    /// The account whose limits the job counts in; nil without one.
    package var account: String? { owner == Self.adminOwner ? nil : owner }
}
