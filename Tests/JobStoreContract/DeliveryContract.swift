import JobModel
import JobStore
import Testing

/// What every store does with webhooks.
extension StoreContract {
    private static func delivery(_ audience: WebhookAudience = .caller) -> NewDelivery {
        NewDelivery(audience: audience, url: "http://example.com/\(audience)", body: Array("{}".utf8))
    }

    /// A job that has ended with these webhooks.
    private static func ended(
        in store: any EngineStore, _ deliveries: [NewDelivery], keep: Int64 = 60_000
    ) async throws -> JobID {
        let id = try #require(try await store.accept(Sample.job(owner: "me")).first)
        let live = try #require(try await store.claim().first)
        var settlement = Sample.success(live, keep: keep)
        settlement.deliveries = deliveries
        #expect(try await store.settle([settlement]) == [.settled])
        return id
    }

    private static func claimed(_ store: any EngineStore, limit: Int = 10, at offset: Int64 = 10) async throws
        -> [Delivery]
    {
        try await store.claimDeliveries(limit: limit, at: Sample.now + .milliseconds(offset)).deliveries
    }

    private static func attempt(_ number: Int, _ error: String? = nil) -> DeliveryAttempt {
        DeliveryAttempt(
            number: number, startedAt: Sample.now + .milliseconds(10), milliseconds: 7,
            statusCode: error == nil ? 200 : nil, error: error)
    }

    static let deliveries: [StoreContractCase] = [
        StoreContractCase(name: "webhooks are stored with the end of their job, and claimed when due") { store in
            let id = try await ended(in: store, [delivery(), delivery(.function)])
            #expect(try await store.pendingDeliveries() == 2)
            #expect(try await claimed(store, at: 9).isEmpty)
            let claim = try await store.claimDeliveries(limit: 10, at: Sample.now + .milliseconds(10))
            #expect(claim.deliveries.map(\.content) == [delivery(), delivery(.function)])
            #expect(claim.nextDue == nil)
            let first = try #require(claim.deliveries.first)
            #expect(first.job == id && first.run == 1 && first.function == "f" && first.owner == "me")
            #expect(first.lease != nil && first.used == 0 && first.attempts == 0 && first.state == .pending)
            // Held: nobody else gets them, however long that takes.
            #expect(try await claimed(store, at: 1_000_000_000).isEmpty)
            #expect(try await store.pendingDeliveries() == 2)
        },
        StoreContractCase(name: "webhooks that are held are told of page by page; one that is put back is due again") {
            store in
            _ = try await ended(in: store, [delivery(), delivery(.function)])
            let claim = try await claimed(store)
            let held = try await store.heldDeliveries(after: nil, limit: 10)
            #expect(held.map(\.number) == claim.map(\.number).sorted())
            #expect(Set(held.map(\.lease)) == Set(claim.compactMap(\.lease)))
            #expect(try await store.heldDeliveries(after: nil, limit: 1) == [held[0]])
            #expect(try await store.heldDeliveries(after: held[0].number, limit: 10) == [held[1]])
            let back = DeliverySettlement(
                number: held[0].number, lease: held[0].lease, attempt: nil,
                change: .later(at: Sample.now + .milliseconds(20)))
            #expect(try await store.settleDeliveries([back, back]) == [.settled, .stale])
            #expect(try await store.heldDeliveries(after: nil, limit: 10) == [held[1]])
            #expect(try await claimed(store, at: 20).map(\.number) == [held[0].number])
        },
        StoreContractCase(name: "a stale end stores no webhook") { store in
            _ = try await store.accept(Sample.job())
            let live = try #require(try await store.claim().first)
            #expect(try await store.settle([Sample.success(live)]) == [.settled])
            var late = Sample.success(live)
            late.deliveries = [delivery()]
            #expect(try await store.settle([late]) == [.stale])
            #expect(try await store.pendingDeliveries() == 0)
        },
        StoreContractCase(name: "a claim takes no more than its limit and says that there is more") { store in
            _ = try await ended(in: store, [delivery(), delivery(.function)])
            let claim = try await store.claimDeliveries(limit: 1, at: Sample.now + .milliseconds(20))
            #expect(claim.deliveries.count == 1)
            #expect(claim.nextDue == Sample.now + .milliseconds(20))
            #expect(try await claimed(store).count == 1)
        },
        StoreContractCase(name: "an attempt that failed is logged, and the next one is due later") { store in
            let id = try await ended(in: store, [delivery()])
            let first = try #require(try await claimed(store).first)
            let lease = try #require(first.lease)
            let again = DeliverySettlement(
                number: first.number, lease: lease, attempt: attempt(1, "connect ECONNREFUSED"),
                change: .later(at: Sample.now + .seconds(2)))
            #expect(try await store.settleDeliveries([again]) == [.settled])
            #expect(try await store.settleDeliveries([again]) == [.stale])
            let claim = try await store.claimDeliveries(limit: 10, at: Sample.now + .milliseconds(1999))
            #expect(claim.deliveries.isEmpty)
            #expect(claim.nextDue == Sample.now + .seconds(2))
            let second = try #require(try await claimed(store, at: 2000).first)
            #expect(second.used == 1 && second.attempts == 1)
            let done = DeliverySettlement(
                number: second.number, lease: try #require(second.lease), attempt: attempt(2), change: .delivered)
            #expect(try await store.settleDeliveries([done]) == [.settled])
            #expect(try await store.pendingDeliveries() == 0)
            let record = try #require(try await store.deliveries(of: id).first)
            #expect(record.delivery.state == .delivered && record.delivery.attempts == 2)
            #expect(record.attempts == [attempt(1, "connect ECONNREFUSED"), attempt(2)])
        },
        StoreContractCase(name: "a delivery that was put off uses no attempt") { store in
            _ = try await ended(in: store, [delivery()])
            let first = try #require(try await claimed(store).first)
            let later = DeliverySettlement(
                number: first.number, lease: try #require(first.lease), attempt: nil,
                change: .later(at: Sample.now + .seconds(1)))
            #expect(try await store.settleDeliveries([later]) == [.settled])
            let second = try #require(try await claimed(store, at: 1000).first)
            #expect(second.used == 0 && second.attempts == 0)
            #expect(second.lease != first.lease)
        },
        StoreContractCase(name: "a delivery is sent again with a new budget, its log goes on") { store in
            let id = try await ended(in: store, [delivery()])
            let first = try #require(try await claimed(store).first)
            #expect(try await store.resend(first.number, at: Sample.now) == false)
            let failed = DeliverySettlement(
                number: first.number, lease: try #require(first.lease), attempt: attempt(1, "no"), change: .failed)
            #expect(try await store.settleDeliveries([failed]) == [.settled])
            #expect(try await store.resend(first.number, at: Sample.now + .seconds(5)))
            #expect(try await store.resend(99, at: Sample.now) == false)
            let second = try #require(try await claimed(store, at: 5000).first)
            #expect(second.used == 0 && second.attempts == 1)
            let record = try #require(try await store.deliveries(of: id).first)
            #expect(record.attempts.count == 1 && record.delivery.webhookID == first.webhookID)
        },
        StoreContractCase(name: "each run of a job has webhooks of its own") { store in
            let id = try #require(try await store.accept(Sample.job()).first)
            for run in 1...2 {
                let live = try #require(try await store.claim().first)
                var settlement = Sample.failure(live)
                settlement.deliveries = [delivery()]
                #expect(try await store.settle([settlement]) == [.settled])
                #expect(try await store.deliveries(of: id).map(\.delivery.run) == Array(1...run))
                if run == 1 {
                    let request = RetryRequest(id: id, deadline: Sample.now + .seconds(60))
                    #expect(try await store.retry([request], at: Sample.now) == [.retried(run: 2)])
                }
            }
            let ids = try await store.deliveries(of: id).map(\.delivery.webhookID)
            #expect(Set(ids).count == 2)
            let guess = JobID(row: id.row, random: id.random ^ 1)
            #expect(try await store.deliveries(of: guess).isEmpty)
        },
        StoreContractCase(name: "a job's webhooks go with it, but for those that are still to be sent") { store in
            let id = try await ended(in: store, [delivery(), delivery(.function)], keep: 1000)
            let claim = try await claimed(store)
            let done = DeliverySettlement(
                number: claim[0].number, lease: try #require(claim[0].lease), attempt: attempt(1), change: .delivered)
            #expect(try await store.settleDeliveries([done]) == [.settled])
            #expect(try await store.prune(limit: 10, at: Sample.now + .seconds(2)).jobs == 1)
            #expect(try await store.deliveries(of: id).map(\.delivery.number) == [claim[1].number])
            let last = DeliverySettlement(
                number: claim[1].number, lease: try #require(claim[1].lease), attempt: attempt(1), change: .failed)
            #expect(try await store.settleDeliveries([last]) == [.settled])
            #expect(try await store.deliveries(of: id).isEmpty)
        },
        StoreContractCase(name: "where a caller wants to be told and what goes on to the target stay with the job") {
            store in
            var job = Sample.job()
            job.job.options.webhook = "https://example.com/hook"
            job.job.options.forwarded = [HeaderField(name: "Accept-Language", value: "de, \"en\"")]
            let id = try #require(try await store.accept(job).first)
            #expect(try await store.snapshot(id)?.job.options.webhook == "https://example.com/hook")
            let live = try #require(try await store.claim().first)
            #expect(
                live.job.options.forwarded == job.job.options.forwarded
                    && live.job.options.webhook == job.job.options.webhook)
            var settlement = Sample.success(live)
            settlement.change = .end(
                Ending(.completed, value: Array("1".utf8), redirect: "/there"), at: Sample.now,
                keepUntil: Sample.now + .seconds(60), tombstoneUntil: Sample.now + .seconds(120))
            #expect(try await store.settle([settlement]) == [.settled])
            #expect(try await store.snapshot(id)?.redirect == "/there")
        },
    ]
}
