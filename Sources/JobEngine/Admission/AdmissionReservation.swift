internal import Dispatching
internal import JobModel
internal import JobStore

/// What a call holds from its checks to the commit that accepts it: a place in the queues, a count in each of its rate
/// windows, and a slot where one is free. `Admission.close` closes it, exactly once.
struct AdmissionReservation: Sendable {
    /// With its lane, its rate windows, and its start where it holds a slot.
    var job: NewJob
    var function: Function
    var keys: JobKeys
    /// Where the caller stands with each of the function's rate limits.
    var rates: [RateStatus]
    var slot: ReservationID?
}
