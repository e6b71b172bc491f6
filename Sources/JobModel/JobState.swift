/// Where a job stands in its life, as the store keeps it (CONTRACT 2).
///
///     queued -> running -> completed | failed | waiting -> completed | failed
///     queued <- running (retry, release)
///     any live state -> timeout; queued, waiting, running (by force) -> cancelled
package enum JobState: Int64, Sendable, CaseIterable {
    case queued = 0
    case running = 1
    case waiting = 2
    case completed = 3
    case failed = 4
    case timeout = 5
    case cancelled = 6

    /// Ended: nothing but a manual retry changes it.
    package var isTerminal: Bool {
        switch self {
        case .queued, .running, .waiting: false
        case .completed, .failed, .timeout, .cancelled: true
        }
    }
}

/// A job's state in the words of the jobs API, which webhooks speak too (CONTRACT 2).
package enum JobsStatus: String, CaseIterable, Sendable {
    case pending = "PENDING"
    case processing = "PROCESSING"
    case done = "DONE"
    case failed = "FAILED"
    case cancelled = "CANCELLED"

    package init(_ state: JobState) {
        switch state {
        case .queued: self = .pending
        case .running, .waiting: self = .processing
        case .completed: self = .done
        case .failed, .timeout: self = .failed
        case .cancelled: self = .cancelled
        }
    }
}

/// Why a job failed: by its own answer, or because its attempts were used up.
package enum FailureKind: Int64, Sendable {
    case permanent = 0
    case exhausted = 1
}
