internal import JobModel
internal import JobStore

/// An attempt that has ended, with the function whose policy decides what comes next.
struct EndedAttempt: Sendable {
    var live: LiveJob
    var outcome: Outcome
    /// As the attempt knew it; nil when the function is gone.
    var function: Function?
    var exchange: Exchange?
    /// However long it takes to write that.
    var endedAt: Moment
}
