package import JobModel

/// What is there of a job.
package enum JobLookup: Equatable, Sendable {
    case found(JobSnapshot)
    case purged(Tombstone)
    case unknown
}

/// What is left of a job whose retention is over.
package struct Tombstone: Equatable, Sendable {
    package var id: JobID
    package var function: String
    package var owner: String?

    package init(id: JobID, function: String, owner: String?) {
        self.id = id
        self.function = function
        self.owner = owner
    }
}
