package import JobModel
package import JobStore
internal import WebhookDelivery

extension JobEngine {
    /// A job's webhooks with their logs, those that are for these eyes.
    package func webhooks(of job: JobSnapshot, as viewer: Viewer) async throws(StoreError) -> [DeliveryRecord] {
        let now = clock.now()
        return try await store.deliveries(of: job.job.id).compactMap { record in
            guard viewer.maySee(record.delivery.content.audience) else { return nil }
            var record = record
            record.delivery.due = now.wallTime(of: record.delivery.due)
            return record
        }
    }

    /// Sends a webhook again that has arrived or was given up; false while it is pending.
    package func resend(_ delivery: Delivery) async throws(StoreError) -> Bool {
        let isPending = try await store.resend(delivery.number, at: clock.now().steady)
        if isPending { deliveries.wake() }
        return isPending
    }
}
