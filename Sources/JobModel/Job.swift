/// What was accepted. It never changes.
///
/// It takes few words, and copies share what it says: a job is copied into everything that happens to it.
package struct Job: Equatable, Sendable {
    private struct Facts: Equatable, Sendable {
        var function: String
        var type: String
        var owner: String?
        var client: String?
        var revision: String
        var createdAt: Timestamp
        var scheduledFor: Timestamp?
        var priority: Int
        var payload: [UInt8]?
        var parameters: [UInt8]?
        var options: JobOptions
    }

    private final class Box: @unchecked Sendable {  // Written only where nobody else has a reference: see `change`.
        var facts: Facts
        init(_ facts: Facts) { self.facts = facts }
    }

    /// Known when the store has given the job its row.
    package var id: JobID
    private var box: Box

    /// - Parameter type: the function's name unless it is given.
    package init(
        id: JobID, function: String, type: String? = nil, owner: String? = nil, client: String? = nil, revision: String,
        createdAt: Timestamp,
        scheduledFor: Timestamp? = nil, priority: Int = 0, payload: [UInt8]? = nil, parameters: [UInt8]? = nil,
        options: JobOptions = JobOptions()
    ) {
        self.id = id
        box = Box(
            Facts(
                function: function, type: type ?? function, owner: owner, client: client, revision: revision,
                createdAt: createdAt, scheduledFor: scheduledFor, priority: priority, payload: payload,
                parameters: parameters, options: options))
    }

    package static func == (left: Job, right: Job) -> Bool {
        left.id == right.id && (left.box === right.box || left.box.facts == right.box.facts)
    }

    private mutating func change(_ body: (inout Facts) -> Void) {
        if !isKnownUniquelyReferenced(&box) { box = Box(box.facts) }
        body(&box.facts)
    }

    /// Its unit of execution: the name of a declared function. Of units that no manifest names so (a fallback, a target of the
    /// caller's own) the name begins with a colon, which no function's does.
    package var function: String {
        get { box.facts.function }
        set { change { $0.function = newValue } }
    }

    /// What the caller calls it: the function's name, unless the unit runs more than one type. Callers make it up: it is
    /// never the name of a queue or of a metric.
    package var type: String {
        get { box.facts.type }
        set { change { $0.type = newValue } }
    }

    /// The account whose credentials came with it; nil when none did: then whoever has the link may read it.
    package var owner: String? {
        get { box.facts.owner }
        set { change { $0.owner = newValue } }
    }

    /// The caller's address, kept only where a limit counts by it.
    package var client: String? {
        get { box.facts.client }
        set { change { $0.client = newValue } }
    }

    /// The manifest revision under which it was accepted.
    package var revision: String {
        get { box.facts.revision }
        set { change { $0.revision = newValue } }
    }

    package var createdAt: Timestamp {
        get { box.facts.createdAt }
        set { change { $0.createdAt = newValue } }
    }

    /// The start that was asked for, when it was to be later than at once.
    package var scheduledFor: Timestamp? {
        get { box.facts.scheduledFor }
        set { change { $0.scheduledFor = newValue } }
    }

    package var priority: Int {
        get { box.facts.priority }
        set { change { $0.priority = newValue } }
    }

    /// The bytes of the body as they came; nil for an empty one.
    package var payload: [UInt8]? {
        get { box.facts.payload }
        set { change { $0.payload = newValue } }
    }

    /// One JSON object of path and query values; nil when there are none.
    package var parameters: [UInt8]? {
        get { box.facts.parameters }
        set { change { $0.parameters = newValue } }
    }

    package var options: JobOptions {
        get { box.facts.options }
        set { change { $0.options = newValue } }
    }
}

extension Job {
    /// The owner of jobs that came with the admin token.
    package static let adminOwner = "admin"

    /// The account whose limits the job counts in; nil without one.
    package var account: String? { owner == Self.adminOwner ? nil : owner }
}
