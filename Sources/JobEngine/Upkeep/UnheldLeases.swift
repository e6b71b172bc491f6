internal import Dispatching
internal import JobStore

/// Tells a lease that nobody will ever use from one whose holder does not know of it yet.
///
/// A lease is given in a commit, and until its answer has come nobody here holds it. Each commit that gives leases belongs to a
/// reservation, which is closed when the answer, or the failure, is known; a lease that is to be used is held from that moment
/// on. So a lease that nobody held in one round, and nobody holds in a later one, is lost if all reservations that were open
/// at the first have been closed before the second.
struct UnheldLeases {
    /// With the latest reservation that its claim may belong to.
    private var former: [HeldLease: ReservationID] = [:]

    /// - Parameters:
    ///   - leases: what the store has and nobody here holds.
    ///   - earliestOpen: the first reservation that was open before the store was asked; nil when none was.
    ///   - latest: the last that had been made after that.
    /// - Returns: what is lost. A lease is told of again in each round until the store has it no longer.
    mutating func round(
        _ leases: [HeldLease], earliestOpen: ReservationID?, latest: ReservationID
    ) -> [HeldLease] {
        var known: [HeldLease: ReservationID] = [:]
        var lost: [HeldLease] = []
        for lease in leases {
            guard let last = former[lease] else {
                known[lease] = latest
                continue
            }
            known[lease] = last
            if earliestOpen.map({ $0 > last }) ?? true { lost.append(lease) }
        }
        former = known
        return lost
    }
}
