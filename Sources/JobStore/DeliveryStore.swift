package import JobModel

/// Keeps webhooks from the commit that ends their job until they have arrived or been given up. They come into it with
/// `JobStore.settle`.
package protocol DeliveryStore: Sendable {
    /// Leases pending deliveries that are due, the longest due first. A lease that is not settled in time is void; those of
    /// a former process are void at once.
    func claimDeliveries(limit: Int, for duration: Duration, at now: Timestamp) async throws(StoreError)
        -> DeliveryClaim

    /// Writes what became of claimed deliveries.
    func settleDeliveries(_ settlements: [DeliverySettlement]) async throws(StoreError) -> [SettleResult]

    /// A job's deliveries with their logs, in the order in which they were stored.
    func deliveries(of id: JobID) async throws(StoreError) -> [DeliveryRecord]

    /// Makes an ended delivery pending again, with its whole budget; false when it is pending or not there.
    func resend(_ delivery: Int64, at now: Timestamp) async throws(StoreError) -> Bool

    /// How many deliveries are pending.
    func pendingDeliveries() async throws(StoreError) -> Int
}
