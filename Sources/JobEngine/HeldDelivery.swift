internal import JobModel
internal import JobStore

/// A webhook that was claimed: under way, or waiting for its receiver. Times are milliseconds of the monotonic clock.
struct HeldDelivery: Sendable {
    /// It waits for its receiver this long at most; then the store hands it out again.
    private static let longestWait: Int64 = 60_000
    /// A lease outlives the wait and the attempt by this: for the commit that ends it, and a store that is slow.
    private static let reserve: Int64 = 60_000

    let delivery: Delivery
    let lease: Lease
    private let startsBy: Int64
    private let leaseEnds: Int64

    /// How long the lease of an attempt with this timeout has to be.
    static func lease(timeout: Duration) -> Duration { timeout + .milliseconds(longestWait + reserve) }

    /// nil for what is not leased.
    init?(_ delivery: Delivery, claimedAt now: Int64, for duration: Duration) {
        guard let lease = delivery.lease else { return nil }
        self.delivery = delivery
        self.lease = lease
        startsBy = now + Self.longestWait
        leaseEnds = now + duration.milliseconds
    }

    func mayStart(at now: Int64) -> Bool { now < startsBy }

    /// What an attempt that starts now may take: a reload may have raised the timeout since the lease was taken, and whose
    /// lease is over is sent by another too.
    func timeout(_ configured: Duration, at now: Int64) -> Duration {
        min(configured, .milliseconds(max(1, leaseEnds - now - Self.reserve)))
    }
}
