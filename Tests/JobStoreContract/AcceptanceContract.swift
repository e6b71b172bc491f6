import JobModel
import JobStore
import Testing

/// From a new job to its row, and what its key stands for.
extension StoreContract {
    static let acceptance: [StoreContractCase] = [
        StoreContractCase(name: "an accepted job is found as it was given") { store in
            let bytes = Array(#"{ "a" : 1.0 }"#.utf8)
            let id = try #require(
                try await store.accept(Sample.job(due: 500, priority: 3, owner: "me", payload: bytes)).first)
            let job = try #require(try await store.snapshot(id))
            #expect(job.state == .queued)
            #expect(job.job.payload == bytes)
            #expect(job.job.owner == "me")
            #expect(job.job.priority == 3)
            #expect(job.job.revision == "abcdefabcdef")
            #expect(job.job.scheduledFor == Sample.now + .milliseconds(500))
            #expect(job.runAt == Sample.now + .milliseconds(500))
            #expect(job.progress == JobProgress())
            #expect(try await store.snapshot(id, [])?.job.payload == nil)
        },
        StoreContractCase(name: "a job that is to start at once is leased in the commit that accepts it") { store in
            var job = Sample.job(owner: "me")
            job.start = NewJob.Start(revision: Sample.revision, at: Sample.moment())
            let result = try await store.enqueue([job], at: Sample.now)[0]
            guard case .accepted(let id, let lease?) = result else { throw Unexpected() }
            let snapshot = try #require(try await store.snapshot(id))
            #expect(snapshot.state == .running)
            #expect(snapshot.progress == JobProgress(attempt: 1))
            #expect(snapshot.startedAt == Sample.now)
            #expect(try await store.claim().isEmpty)
            #expect(try await store.backlog() == [Backlog(function: "f", owner: "me", running: 1)])
            let held = try await store.held(after: nil, limit: 5)
            #expect(held == [HeldLease(id: id, lease: lease)])
            let live = try #require(try await store.running(under: held).first)
            #expect(live.lease == lease)
            #expect(live.revision == "cafecafecafe")
            #expect(try await store.settle([Sample.success(live)]) == [.settled])
            #expect(try await store.snapshot(id)?.state == .completed)
        },
        StoreContractCase(name: "what a caller set for a job, and what it calls it, stay with the job") { store in
            var options = JobOptions(
                webhook: "https://example.com/hook", forwarded: [HeaderField(name: "Accept-Language", value: "de")])
            options.target = JobOptions.Target(
                url: "https://example.com/{x}", method: "PATCH", headers: [HeaderField(name: "X-A", value: "\"é\"")])
            options.timeout = .milliseconds(1500)
            options.maxRetries = 0
            options.maxWait = .seconds(60)
            options.waitsForSignal = true
            var job = Sample.job()
            job.job.options = options
            job.job.type = "caf\u{e9}"
            let ids = try await store.accept(job, Sample.job())
            let live = try await store.claim(limit: 2).sorted { $0.job.id.row < $1.job.id.row }
            #expect(live.map(\.job.options) == [options, JobOptions()])
            #expect(live.map(\.job.type) == ["caf\u{e9}", "f"])
            #expect(try await store.settle([Sample.success(live[0])]) == [.settled])
            let ended = try #require(try await store.snapshot(ids[0]))
            #expect(ended.job.options == options && ended.job.type == "caf\u{e9}" && ended.state == .completed)
        },
        StoreContractCase(name: "an empty payload is not the same as none") { store in
            let ids = try await store.accept(Sample.job(payload: nil), Sample.job(payload: []))
            #expect(try await store.snapshot(ids[0])?.job.payload == nil)
            #expect(try await store.snapshot(ids[1])?.job.payload == [])
        },
        StoreContractCase(name: "ids rise, and their random bits count") { store in
            let ids = try await store.accept(Sample.job(), Sample.job(), Sample.job())
            #expect(ids == ids.sorted { $0.row < $1.row })
            let guess = JobID(row: ids[0].row, random: 8)
            #expect(try await store.fetch([guess], including: []) == [.unknown])
        },
        StoreContractCase(name: "an idempotency key gives the same job or a conflict until it expires") { store in
            func key(_ fingerprint: UInt8) -> IdempotencyKey {
                IdempotencyKey(scope: [1], fingerprint: [fingerprint], expires: Sample.now + .seconds(60))
            }
            #expect(try await store.recall(key(1), at: Sample.now) == nil)
            let first = try await store.accept(Sample.job(idempotency: key(1)))
            let id = try #require(first.first)
            let replayed = EnqueueResult.replayed(id, try await store.snapshot(id, []))
            #expect(try await store.recall(key(1), at: Sample.now) == replayed)
            #expect(try await store.recall(key(2), at: Sample.now) == .conflict)
            let again = try await store.enqueue(
                [Sample.job(idempotency: key(1)), Sample.job(idempotency: key(2))], at: Sample.now)
            #expect(again == [replayed, .conflict])
            #expect(try await store.claim().count == 1)
            let later = try await store.enqueue([Sample.job(idempotency: key(2))], at: Sample.now + .seconds(60))
            #expect(later != [.conflict])
        },
        StoreContractCase(name: "one key twice in a call gives one job") { store in
            let key = IdempotencyKey(scope: [9], fingerprint: [1], expires: Sample.now + .seconds(60))
            let results = try await store.enqueue(
                [Sample.job(idempotency: key), Sample.job(idempotency: key)], at: Sample.now)
            guard case .accepted(let id, _) = results[0] else { throw Unexpected() }
            #expect(results[1] == .replayed(id, try await store.snapshot(id, [])))
        },
        StoreContractCase(name: "a key outlives its job: the replay says that it has gone") { store in
            let key = IdempotencyKey(scope: [9], fingerprint: [1], expires: Sample.now + .seconds(1_000_000))
            let id = try #require(try await store.accept(Sample.job(idempotency: key)).first)
            let live = try #require(try await store.claim().first)
            _ = try await store.settle([Sample.success(live)])
            _ = try await store.prune(limit: 10, at: Sample.now + .seconds(90_000))
            #expect(try await store.recall(key, at: Sample.now) == .replayed(id, nil))
            #expect(try await store.enqueue([Sample.job(idempotency: key)], at: Sample.now) == [.replayed(id, nil)])
        },
    ]
}
