internal import JobModel
internal import JobStore

/// A webhook that was claimed: under way, or waiting for its receiver.
struct HeldDelivery: Sendable {
    /// Where webhooks go, counted apart for the operator's and the callers': what callers send to a server takes nothing from
    /// what the manifest sends there.
    struct Receiver: Hashable, Sendable {
        let origin: URLOrigin
        let isOnComplete: Bool
    }

    let delivery: Delivery
    let lease: Lease
    let signer: DeliverySigner
    let receiver: Receiver

    /// nil for what is not leased.
    init?(_ delivery: Delivery) {
        guard let lease = delivery.lease else { return nil }
        self.delivery = delivery
        self.lease = lease
        signer = DeliverySigner(of: delivery)
        receiver = Receiver(origin: URLOrigin(of: delivery.content.url), isOnComplete: signer == .onComplete)
    }
}
