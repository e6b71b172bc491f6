package import JobModel
package import JobStore

extension FailingStore {
    package func claimDeliveries(limit: Int, at now: Timestamp) async throws(StoreError) -> DeliveryClaim {
        try await call(.deliveryClaims) { () async throws(StoreError) in
            try await store.claimDeliveries(limit: limit, at: now)
        }
    }

    package func heldDeliveries(after cursor: Int64?, limit: Int) async throws(StoreError) -> [LeasedDelivery] {
        try await call { () async throws(StoreError) in try await store.heldDeliveries(after: cursor, limit: limit) }
    }

    package func settleDeliveries(_ settlements: [DeliverySettlement]) async throws(StoreError) -> [SettleResult] {
        try await call { () async throws(StoreError) in try await store.settleDeliveries(settlements) }
    }

    package func deliveries(of id: JobID) async throws(StoreError) -> [DeliveryRecord] {
        try await call { () async throws(StoreError) in try await store.deliveries(of: id) }
    }

    package func resend(_ delivery: Int64, at now: Timestamp) async throws(StoreError) -> Bool {
        try await call { () async throws(StoreError) in try await store.resend(delivery, at: now) }
    }

    package func pendingDeliveries() async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in try await store.pendingDeliveries() }
    }
}
