internal import JobModel
internal import JobStore

/// A webhook that was claimed: under way, or waiting for its receiver.
struct HeldDelivery: Sendable {
    let delivery: Delivery
    let lease: Lease

    /// nil for what is not leased.
    init?(_ delivery: Delivery) {
        guard let lease = delivery.lease else { return nil }
        self.delivery = delivery
        self.lease = lease
    }
}
