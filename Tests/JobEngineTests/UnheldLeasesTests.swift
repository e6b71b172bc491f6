import JobModel
import JobStore
import Testing

@testable import Dispatching
@testable import JobEngine

/// Which leases are lost: a value, told of rounds and reservations.
@Suite struct UnheldLeasesTests {
    private static func lease(_ number: Int64) -> HeldLease {
        HeldLease(id: JobID(row: number, random: 1), lease: Lease(epoch: 1, number: number))
    }

    private static func reservation(_ number: UInt64) -> ReservationID { ReservationID(number: number) }

    @Test func `The first round only suspects, the second is certain, and it is told until the store has it no longer`()
    {
        var unheld = UnheldLeases()
        let lease = Self.lease(1)
        #expect(unheld.round([lease], earliestOpen: nil, latest: Self.reservation(3)).isEmpty)
        for _ in 0..<2 {
            #expect(unheld.round([lease], earliestOpen: nil, latest: Self.reservation(3)) == [lease])
        }
        #expect(unheld.round([], earliestOpen: nil, latest: Self.reservation(3)).isEmpty)
        #expect(unheld.round([lease], earliestOpen: nil, latest: Self.reservation(3)).isEmpty)
    }

    @Test func `Nothing is lost while a reservation is open that may be its own`() {
        var unheld = UnheldLeases()
        let lease = Self.lease(1)
        #expect(unheld.round([lease], earliestOpen: Self.reservation(3), latest: Self.reservation(5)).isEmpty)
        for _ in 0..<3 {
            #expect(unheld.round([lease], earliestOpen: Self.reservation(5), latest: Self.reservation(9)).isEmpty)
        }
        // Those that are open now were made after the first round.
        #expect(unheld.round([lease], earliestOpen: Self.reservation(6), latest: Self.reservation(9)) == [lease])
    }

    @Test func `A job's next lease is not its former one`() {
        var unheld = UnheldLeases()
        let next = HeldLease(id: Self.lease(1).id, lease: Lease(epoch: 1, number: 2))
        #expect(unheld.round([Self.lease(1)], earliestOpen: nil, latest: Self.reservation(1)).isEmpty)
        #expect(unheld.round([next], earliestOpen: nil, latest: Self.reservation(2)).isEmpty)
        #expect(unheld.round([next], earliestOpen: nil, latest: Self.reservation(2)) == [next])
    }
}
