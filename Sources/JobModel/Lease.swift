/// The right to finish an attempt at a job, or at a webhook. A settlement under another lease than the row's is stale and
/// changes nothing.
///
/// It has no end in time. It is void when its epoch is over: with the SQLite store an epoch is one boot, so that a restart
/// makes void at once whatever was leased before.
package struct Lease: Hashable, Sendable {
    /// Bits of a number: enough for 35,000 leases a second over a year without a restart.
    private static let numberBits: Int64 = 40

    /// From 1, rising; below 2^23.
    package let epoch: Int64
    /// Within its epoch, from 1, rising; below 2^40.
    package let number: Int64

    package init(epoch: Int64, number: Int64) {
        self.epoch = epoch
        self.number = number
    }
}

/// How a store may keep a lease: one integer, `epoch << 40 | number`.
extension Lease {
    /// Never 0, which says that there is no lease. Those of later epochs are greater.
    package var token: Int64 { Self.firstToken(of: epoch) &+ number }

    package init(token: Int64) {
        self.init(epoch: token >> Self.numberBits, number: token & (1 << Self.numberBits - 1))
    }

    /// Every lease of an earlier epoch has a smaller token, and each of this one a greater.
    package static func firstToken(of epoch: Int64) -> Int64 { epoch << numberBits }
}
