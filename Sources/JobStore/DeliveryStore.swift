package import JobModel

/// Keeps webhooks from the commit that ends their job until they have arrived or been given up. They come into it with
/// `JobStore.settle`.
package protocol DeliveryStore: Sendable {
    /// Leases pending deliveries that are due, the longest due first. What was leased in an epoch that is over is due at once.
    func claimDeliveries(limit: Int, at now: Timestamp) async throws(StoreError) -> DeliveryClaim

    /// Deliveries that are leased in the present epoch, in the order of their numbers, after `cursor`: what this process should
    /// hold. Whoever does not hold one settles it under the lease that is named, to be due again.
    func heldDeliveries(after cursor: Int64?, limit: Int) async throws(StoreError) -> [LeasedDelivery]

    /// Writes what became of claimed deliveries.
    func settleDeliveries(_ settlements: [DeliverySettlement]) async throws(StoreError) -> [SettleResult]

    /// A job's deliveries with their logs, in the order in which they were stored.
    func deliveries(of id: JobID) async throws(StoreError) -> [DeliveryRecord]

    /// Makes an ended delivery pending again, with its whole budget; false when it is pending or not there.
    func resend(_ delivery: Int64, at now: Timestamp) async throws(StoreError) -> Bool

    /// How many deliveries are pending.
    func pendingDeliveries() async throws(StoreError) -> Int
}
