internal import Dispatching
internal import JobModel
internal import JobStore

/// What is to be written of an attempt that has ended.
struct Completion: Sendable {
    var attempt: RunningAttempt
    var entry: EndedAttempt
    var settlement: Settlement
    /// Of a job that goes back to the queue, under the deployment in force then; nil when its function is gone.
    var keys: JobKeys?
}
