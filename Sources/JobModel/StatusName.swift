/// A job's state in the words of the function status endpoint (CONTRACT 2).
package enum StatusName: String, CaseIterable, Sendable {
    case pending, inFlight, completed, failed, deadLetter, timeout, cancelled

    package init(_ state: JobState, failure: FailureKind?) {
        switch state {
        case .queued: self = .pending
        case .running, .waiting: self = .inFlight
        case .completed: self = .completed
        case .failed: self = failure == .exhausted ? .deadLetter : .failed
        case .timeout: self = .timeout
        case .cancelled: self = .cancelled
        }
    }

    package var defaultStatusCode: Int {
        switch self {
        case .pending, .inFlight: 202
        case .completed: 200
        case .failed, .deadLetter, .timeout: 500
        case .cancelled: 410
        }
    }

    /// The redirect that may stand in for this state's answer.
    package var redirect: RedirectState? {
        switch self {
        case .pending, .inFlight: .pending
        case .completed: .completed
        case .failed, .deadLetter: .failed
        case .timeout, .cancelled: nil
        }
    }
}

/// The states that a function may answer with a redirect.
package enum RedirectState: String, CaseIterable, Sendable { case completed, failed, pending }
