package import JobModel
package import JobStore
internal import Testing

/// What every store must do. A store's tests run all cases, each on a fresh store.
package struct StoreContractCase: Sendable, CustomTestStringConvertible {
    package let name: String
    package let run: @Sendable (any EngineStore) async throws -> Void

    package var testDescription: String { name }
}

/// Values for stores' tests.
package enum Sample {
    package static let now = Timestamp(milliseconds: 1_763_719_200_000)

    package static func moment(_ offset: Int64 = 0) -> Moment {
        Moment(wall: now + .milliseconds(offset), monotonic: 50_000 + offset)
    }

    /// What claims run under.
    package static let revision = "cafecafecafe"

    package static func job(
        _ function: String = "f", lane: Int64 = 0, random: UInt64 = 7, due: Int64 = 0, deadline: Int64 = 3_600_000,
        priority: Int = 0,
        owner: String? = nil, payload: [UInt8]? = Array("{}".utf8), idempotency: IdempotencyKey? = nil
    ) -> NewJob {
        let job = Job(
            id: JobID(row: 0, random: random), function: function, owner: owner, revision: "abcdefabcdef",
            createdAt: now, scheduledFor: due > 0 ? now + .milliseconds(due) : nil, priority: priority,
            payload: payload)
        return NewJob(
            job: job, lane: lane, due: now + .milliseconds(due), deadline: now + .milliseconds(deadline),
            idempotency: idempotency)
    }

    /// The settlement that an engine makes of a success.
    package static func success(_ live: LiveJob, at offset: Int64 = 10, keep: Int64 = 60_000) -> Settlement {
        var progress = live.progress
        progress.used += 1
        return Settlement(
            id: live.job.id, lease: live.lease, progress: progress, attempt: attempt(live, .completed, at: offset),
            change: .end(
                Ending(.completed, value: Array("[1]".utf8)), at: now + .milliseconds(offset),
                keepUntil: now + .milliseconds(keep), tombstoneUntil: now + .milliseconds(keep * 2)))
    }

    package static func wait(_ live: LiveJob) -> Settlement {
        var settlement = success(live)
        settlement.change = .wait(Answer(value: Array("[1]".utf8), redirect: "/there"))
        return settlement
    }

    package static func failure(
        _ live: LiveJob, at offset: Int64 = 10, keep: Int64 = 60_000, kind: FailureKind = .exhausted
    ) -> Settlement {
        var progress = live.progress
        progress.used += 1
        progress.lastError = "no"
        return Settlement(
            id: live.job.id, lease: live.lease, progress: progress, attempt: attempt(live, .failed, at: offset),
            change: .end(
                Ending(.failed, failure: kind), at: now + .milliseconds(offset), keepUntil: now + .milliseconds(keep),
                tombstoneUntil: now + .milliseconds(keep * 2)))
    }

    package static func again(_ live: LiveJob, due: Int64) -> Settlement {
        var progress = live.progress
        progress.used += 1
        progress.lastError = "not yet"
        return Settlement(
            id: live.job.id, lease: live.lease, progress: progress, attempt: attempt(live, .failed, at: 10),
            change: .queue(at: now + .milliseconds(due)))
    }

    package static func attempt(_ live: LiveJob, _ result: Attempt.Result, at offset: Int64) -> Attempt {
        Attempt(
            number: live.progress.attempt, run: live.progress.run, startedAt: live.startedAt ?? now,
            completedAt: now + .milliseconds(offset), result: result, statusCode: result == .failed ? 500 : nil,
            error: result == .failed ? "no" : nil, revision: live.revision ?? "")
    }
}

extension JobStore {
    /// The ids of accepted jobs.
    package func accept(_ jobs: NewJob...) async throws -> [JobID] {
        try await enqueue(jobs, at: Sample.now).compactMap { if case .accepted(let id, _) = $0 { id } else { nil } }
    }

    package func claim(_ function: String = "f", lane: Int64 = 0, limit: Int = 10, at offset: Int64 = 0) async throws
        -> [LiveJob]
    {
        let lanes = [LaneClaim(function: function, lane: lane, limit: limit)]
        return try await claim(ClaimBatch(lanes, revision: Sample.revision, at: Sample.moment(offset)))
            .flatMap(\.jobs)
    }

    package func snapshot(_ id: JobID, _ parts: JobParts = [.payload, .value]) async throws -> JobSnapshot? {
        if case .found(let job)? = try await fetch([id], including: parts).first { job } else { nil }
    }
}

package enum StoreContract {
    package static let cases: [StoreContractCase] =
        acceptance + claiming + waiting + settling + upkeep + lists + deliveries + clocks

    // MARK: Acceptance

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

    // MARK: Waiting

    /// Jobs that wait for a signal.
    static let waiting: [StoreContractCase] = [
        StoreContractCase(name: "a job that waits has no lease, keeps its attempt and ends once") { store in
            let id = try #require(try await store.accept(Sample.job(owner: "me")).first)
            let live = try #require(try await store.claim().first)
            let wait = Sample.wait(live)
            #expect(try await store.settle([wait, wait]) == [.settled, .stale])
            #expect(try await store.claim().isEmpty)
            #expect(try await store.backlog() == [Backlog(function: "f", owner: "me", waiting: 1)])
            let waiting = try #require(try await store.snapshot(id))
            #expect(waiting.state == .waiting && waiting.progress.used == 1 && waiting.progress.attempt == 1)
            #expect(try await store.attempts(of: id).map(\.result) == [.completed])
            #expect(try await store.held(after: nil, limit: 5).isEmpty)
            let overdue = try #require(try await store.overdue(limit: 5, at: waiting.deadline ?? Sample.now).first)
            #expect(overdue.state == .waiting)
            var end = Sample.failure(overdue)
            end.lease = nil
            end.progress = waiting.progress
            end.attempt = nil
            #expect(try await store.settle([end, end]) == [.settled, .stale])
            #expect(try await store.snapshot(id)?.state == .failed)
            #expect(try await store.attempts(of: id).count == 1)
        },
        StoreContractCase(name: "a run that waited can be tried again, and waits again") { store in
            let id = try #require(try await store.accept(Sample.job()).first)
            for run in 1...2 {
                let live = try #require(try await store.claim().first)
                #expect(live.progress.run == run)
                #expect(try await store.settle([Sample.wait(live)]) == [.settled])
                #expect(
                    try await store.retry([RetryRequest(id: id, deadline: Sample.now + .seconds(60))], at: Sample.now)
                        == [.refused(.waiting)])
                var end = Sample.failure(live)
                end.lease = nil
                end.attempt = nil
                #expect(try await store.settle([end]) == [.settled])
                guard run == 1 else { continue }
                #expect(
                    try await store.retry([RetryRequest(id: id, deadline: Sample.now + .seconds(60))], at: Sample.now)
                        == [.retried(run: 2)])
            }
        },
    ]

    // MARK: Claiming

    static let claiming: [StoreContractCase] = [
        StoreContractCase(name: "a claim takes due jobs of the function, priority first, then the longest due") {
            store in
            let ids = try await store.accept(
                Sample.job(due: 20), Sample.job(due: 10), Sample.job(due: 15, priority: 5), Sample.job(due: 100),
                Sample.job("g", due: 1))
            let claimed = try await store.claim(at: 50)
            #expect(claimed.map(\.job.id) == [ids[2], ids[1], ids[0]])
            #expect(claimed.allSatisfy { $0.progress.attempt == 1 && $0.lease != nil && $0.revision == "cafecafecafe" })
            #expect(Set(claimed.map(\.lease)).count == 3)
            #expect(claimed[0].startedAt == Sample.now + .milliseconds(50))
            #expect(try await store.claim(at: 50).isEmpty)
            let job = try #require(try await store.snapshot(ids[0]))
            #expect(job.state == .running)
            #expect(job.progress.attempt == 1)
        },
        StoreContractCase(name: "a claim says when the next job is due") { store in
            _ = try await store.accept(Sample.job(due: 10), Sample.job(due: 20), Sample.job(due: 500, priority: 9))
            let lanes = [LaneClaim(function: "f", limit: 1), LaneClaim(function: "none", limit: 1)]
            let cut = try await store.claim(
                ClaimBatch(lanes, revision: Sample.revision, at: Sample.moment(50)))
            #expect(cut.map(\.jobs.count) == [1, 0])
            #expect((cut[0].nextDue ?? Sample.now + .seconds(9)) <= Sample.now + .milliseconds(50))
            #expect(cut[1].nextDue == nil)
            let rest = try await store.claim(
                ClaimBatch(
                    [LaneClaim(function: "f", limit: 5)], revision: Sample.revision, at: Sample.moment(50)))
            #expect(rest[0].jobs.count == 1)
            #expect(rest[0].nextDue == Sample.now + .milliseconds(500))
        },
        StoreContractCase(name: "lanes are claimed apart, and listed with what is due first") { store in
            let jobs = [
                Sample.job(lane: 7, due: 30), Sample.job(lane: 7, due: 40, priority: 5), Sample.job(lane: -3, due: 20),
                Sample.job(lane: .min, due: 10), Sample.job(lane: .max, due: 5), Sample.job("g", lane: 7),
            ]
            _ = try await store.enqueue(jobs, at: Sample.now)
            func lane(_ lane: Int64, _ due: Int64) -> LaneDue {
                LaneDue(lane: lane, due: Sample.now + .milliseconds(due))
            }
            let all = [lane(.min, 10), lane(-3, 20), lane(7, 30), lane(.max, 5)]
            #expect(try await store.lanes(of: "f", after: nil, limit: 10) == all)
            #expect(try await store.lanes(of: "f", after: nil, limit: 2) == Array(all[..<2]))
            #expect(try await store.lanes(of: "f", after: -3, limit: 10) == Array(all[2...]))
            #expect(try await store.lanes(of: "none", after: nil, limit: 10).isEmpty)
            let claimed = try await store.claim(lane: 7, at: 50)
            #expect(claimed.map(\.due) == [Sample.now + .milliseconds(40), Sample.now + .milliseconds(30)])
            #expect(claimed.allSatisfy { $0.lane == 7 })
            #expect(try await store.lanes(of: "f", after: nil, limit: 10).map(\.lane) == [.min, -3, .max])
        },
        StoreContractCase(name: "a job can go back to another lane") { store in
            let id = try await store.accept(Sample.job(lane: 1, due: 5))[0]
            let live = try await store.claim(lane: 1, at: 10)[0]
            var progress = live.progress
            progress.attempt -= 1
            let back = Settlement(
                id: id, lease: live.lease, progress: progress, attempt: nil, change: .queue(at: live.due, lane: 2))
            #expect(try await store.settle([back]) == [.settled])
            #expect(try await store.claim(lane: 1, at: 10).isEmpty)
            #expect(try await store.claim(lane: 2, at: 10).map(\.progress.attempt) == [1])
        },
        StoreContractCase(name: "rate windows are counted with the jobs that they count") { store in
            func window(_ opened: Int64) -> RateWindow {
                RateWindow(
                    key: 9, openedAt: Sample.now + .milliseconds(opened),
                    until: Sample.now + .milliseconds(opened + 100))
            }
            func accept(_ opened: Int64) async throws {
                var job = Sample.job()
                job.windows = [window(opened)]
                _ = try await store.enqueue([job], at: Sample.now)
            }
            try await accept(0)
            try await accept(0)
            var open = try await store.windows(at: Sample.now)
            #expect(open.map(\.used) == [2])
            #expect(open.map(\.openedAt) == [Sample.now])
            // Commits may come in another order than calls were counted.
            try await accept(200)
            try await accept(0)
            open = try await store.windows(at: Sample.now)
            #expect(open.map(\.used) == [1])
            #expect(open.map(\.openedAt) == [Sample.now + .milliseconds(200)])
            #expect(try await store.windows(at: Sample.now + .milliseconds(300)).isEmpty)
            #expect(try await store.prune(limit: 5, at: Sample.now + .milliseconds(300)).keys == 1)
        },
        StoreContractCase(name: "a pause is kept") { store in
            #expect(try await store.pausedFunctions().isEmpty)
            try await store.setPaused("f", true)
            try await store.setPaused("f", true)
            try await store.setPaused("g", true)
            try await store.setPaused("g", false)
            #expect(try await store.pausedFunctions() == ["f"])
        },
        StoreContractCase(name: "a job past its deadline is not claimed but overdue") { store in
            let id = try await store.accept(Sample.job(deadline: 100))[0]
            #expect(try await store.overdue(limit: 5, at: Sample.now + .milliseconds(99)).isEmpty)
            #expect(try await store.claim(at: 100).isEmpty)
            let overdue = try await store.overdue(limit: 5, at: Sample.now + .milliseconds(100))
            #expect(overdue.map(\.job.id) == [id])
            let settlement = Settlement(
                id: id, lease: nil, progress: overdue[0].progress, attempt: nil,
                change: .end(Ending(.timeout), at: Sample.now, keepUntil: Sample.now, tombstoneUntil: Sample.now))
            #expect(try await store.settle([settlement]) == [.settled])
            #expect(try await store.snapshot(id)?.state == .timeout)
            #expect(try await store.attempts(of: id).isEmpty)
        },
        StoreContractCase(name: "hundreds of claims at once never share a job") { store in
            let jobs = (0..<300).map { _ in Sample.job() }
            _ = try await store.enqueue(jobs, at: Sample.now)
            let claimed = try await withThrowingTaskGroup(of: [JobID].self) { group in
                for _ in 0..<60 { group.addTask { try await store.claim(limit: 7).map(\.job.id) } }
                return try await group.reduce(into: [JobID]()) { $0 += $1 }
            }
            #expect(claimed.count == 300)
            #expect(Set(claimed).count == 300)
        },
    ]

    // MARK: Settling

    static let settling: [StoreContractCase] = [
        StoreContractCase(name: "a success ends the job with value and attempt") { store in
            let id = try await store.accept(Sample.job())[0]
            let live = try await store.claim()[0]
            #expect(try await store.settle([Sample.success(live)]) == [.settled])
            let job = try #require(try await store.snapshot(id))
            #expect(job.state == .completed)
            #expect(job.value == Array("[1]".utf8))
            #expect(job.completedAt == Sample.now + .milliseconds(10))
            #expect(job.progress.attempt == 1)
            #expect(try await store.attempts(of: id) == [Sample.attempt(live, .completed, at: 10)])
            #expect(try await store.snapshot(id, [])?.value == nil)
        },
        StoreContractCase(name: "a late result is stale and changes nothing") { store in
            let id = try await store.accept(Sample.job())[0]
            let first = try await store.claim()[0]
            #expect(try await store.settle([Sample.again(first, due: 0)]) == [.settled])
            #expect(try await store.settle([Sample.success(first)]) == [.stale])
            let second = try await store.claim()[0]
            #expect(second.progress.attempt == 2)
            #expect(second.progress.lastError == "not yet")
            #expect(try await store.settle([Sample.success(first), Sample.success(second)]) == [.stale, .settled])
            #expect(try await store.settle([Sample.failure(second)]) == [.stale])
            #expect(try await store.snapshot(id)?.state == .completed)
            #expect(try await store.attempts(of: id).map(\.number) == [1, 2])
        },
        StoreContractCase(name: "a retry waits until it is due") { store in
            _ = try await store.accept(Sample.job())
            let live = try await store.claim()[0]
            _ = try await store.settle([Sample.again(live, due: 500)])
            #expect(try await store.claim(at: 499).isEmpty)
            #expect(
                try await store.claim(at: 500).map(\.progress) == [
                    JobProgress(run: 1, attempt: 2, used: 1, lastError: "not yet")
                ])
        },
        StoreContractCase(name: "what is claimed along with ends may be what they send back") { store in
            let ids = try await store.accept(Sample.job(due: 1), Sample.job(due: 2), Sample.job(due: 3))
            let running = try await store.claim(limit: 2, at: 2)
            let claim = ClaimBatch(
                [LaneClaim(function: "f", limit: 2), LaneClaim(function: "g", limit: 1)], revision: Sample.revision,
                at: Sample.moment(10))
            let (results, claimed) = try await store.settle {
                SettleBatch(
                    settlements: [Sample.success(running[0]), Sample.again(running[1], due: 10)], claim: claim)
            }
            #expect(results == [.settled, .settled])
            #expect(claimed.map(\.function) == ["f", "g"])
            #expect(claimed.map { $0.jobs.map(\.job.id) } == [[ids[2], ids[1]], []])
            #expect(claimed[0].jobs.map(\.progress.attempt) == [1, 2])
            #expect(try await store.settle([Sample.success(running[1])]) == [.stale])
            #expect(try await store.backlog().map(\.running) == [2])
        },
        StoreContractCase(name: "a queued job is ended without a lease, a running one is not") { store in
            let ids = try await store.accept(Sample.job(due: 1000), Sample.job())
            let running = try await store.claim()
            #expect(running.map(\.job.id) == [ids[1]])
            let settlements = ids.map { id in
                Settlement(
                    id: id, lease: nil, progress: JobProgress(), attempt: nil,
                    change: .end(Ending(.cancelled), at: Sample.now, keepUntil: Sample.now, tombstoneUntil: Sample.now))
            }
            #expect(try await store.settle(settlements) == [.settled, .stale])
            #expect(try await store.snapshot(ids[0])?.state == .cancelled)
            #expect(try await store.snapshot(ids[1])?.state == .running)
        },
        StoreContractCase(name: "a job that ran since is not ended by whoever saw it queued before") { store in
            let id = try await store.accept(Sample.job())[0]
            _ = try await store.settle([Sample.again(try await store.claim()[0], due: 0)])
            let late = Settlement(
                id: id, lease: nil, progress: JobProgress(), attempt: nil,
                change: .end(Ending(.cancelled), at: Sample.now, keepUntil: Sample.now, tombstoneUntil: Sample.now))
            #expect(try await store.settle([late]) == [.stale])
            #expect(try await store.snapshot(id)?.state == .queued)
        },
        StoreContractCase(name: "a manual retry opens the next run and keeps what was") { store in
            let id = try await store.accept(Sample.job(priority: 4))[0]
            let request = RetryRequest(id: id, deadline: Sample.now + .seconds(100))
            #expect(try await store.retry([request], at: Sample.now) == [.refused(.queued)])
            let first = try await store.claim()[0]
            #expect(try await store.retry([request], at: Sample.now) == [.refused(.running)])
            _ = try await store.settle([Sample.failure(first)])
            #expect(try await store.retry([request], at: Sample.now + .milliseconds(20)) == [.retried(run: 2)])
            #expect(try await store.retry([request], at: Sample.now) == [.refused(.queued)])
            let waiting = try #require(try await store.snapshot(id))
            #expect(waiting.state == .queued)
            #expect(waiting.progress == JobProgress(run: 2, attempt: 1))
            #expect(waiting.deadline == Sample.now + .seconds(100))
            let second = try await store.claim(at: 30)[0]
            #expect(second.progress == JobProgress(run: 2, attempt: 2))
            _ = try await store.settle([Sample.success(second)])
            #expect(try await store.retry([request], at: Sample.now) == [.refused(.completed)])
            #expect(try await store.snapshot(id)?.state == .completed)
            let attempts = try await store.attempts(of: id)
            #expect(attempts.map(\.number) == [1, 2])
            #expect(attempts.map(\.run) == [1, 2])
            let unknown = RetryRequest(id: JobID(row: 1, random: 1), deadline: Sample.now)
            #expect(try await store.retry([unknown], at: Sample.now) == [.unknown])
        },
    ]

    // MARK: Upkeep

    static let upkeep: [StoreContractCase] = [
        StoreContractCase(name: "a lease of the present epoch has no end, and is told of page by page") { store in
            let ids = try await store.accept(Sample.job(), Sample.job(), Sample.job(due: 10))
            let live = try await store.claim()
            #expect(try await store.abandoned(limit: 5).isEmpty)
            let held = try await store.held(after: nil, limit: 5)
            #expect(held.map(\.id) == [ids[0], ids[1]])
            #expect(held.map(\.lease) == live.map(\.lease))
            #expect(Set(held.map(\.lease.epoch)).count == 1)
            #expect(try await store.held(after: nil, limit: 1) == [held[0]])
            #expect(try await store.held(after: ids[0].row, limit: 5) == [held[1]])
            #expect(try await store.held(after: ids[1].row, limit: 5).isEmpty)
        },
        StoreContractCase(name: "who runs under a lease is read with all but the payload") { store in
            _ = try await store.accept(Sample.job(), Sample.job())
            let live = try await store.claim()
            let held = try await store.held(after: nil, limit: 5)
            var expected = live[1]
            expected.job.payload = nil
            #expect(try await store.running(under: [held[1]]) == [expected])
            let wrong = HeldLease(id: held[0].id, lease: held[1].lease)
            #expect(try await store.running(under: [wrong]).isEmpty)
            _ = try await store.settle([Sample.success(live[0])])
            #expect(try await store.running(under: held) == [expected])
            #expect(try await store.held(after: nil, limit: 5) == [held[1]])
        },
        StoreContractCase(name: "jobs past their retention leave a tombstone, and that goes in its time") { store in
            let ids = try await store.accept(Sample.job(owner: "me"), Sample.job(), Sample.job())
            let live = try await store.claim()
            _ = try await store.settle([Sample.success(live[0], keep: 1000), Sample.success(live[1], keep: 5000)])
            #expect(try await store.prune(limit: 10, at: Sample.now + .milliseconds(999)).total == 0)
            #expect(try await store.prune(limit: 10, at: Sample.now + .milliseconds(1000)).jobs == 1)
            let lookups = try await store.fetch(ids, including: [])
            #expect(lookups[0] == .purged(Tombstone(id: ids[0], function: "f", owner: "me")))
            #expect(try await store.snapshot(ids[1])?.state == .completed)
            #expect(try await store.snapshot(ids[2])?.state == .running)
            let guess = JobID(row: ids[0].row, random: 1234)
            #expect(try await store.fetch([guess], including: []) == [.unknown])
            #expect(try await store.attempts(of: ids[0]).isEmpty)
            #expect(try await store.prune(limit: 10, at: Sample.now + .milliseconds(2000)).tombstones == 1)
            #expect(try await store.fetch([ids[0]], including: []) == [.unknown])
        },
        StoreContractCase(name: "a job that was retried is kept for its new run") { store in
            let id = try await store.accept(Sample.job())[0]
            _ = try await store.settle([Sample.failure(try await store.claim()[0], keep: 1000)])
            _ = try await store.retry([RetryRequest(id: id, deadline: Sample.now + .seconds(100))], at: Sample.now)
            #expect(try await store.prune(limit: 10, at: Sample.now + .seconds(50)).jobs == 0)
            let live = try await store.claim()[0]
            _ = try await store.settle([Sample.success(live, keep: 80_000)])
            #expect(try await store.prune(limit: 10, at: Sample.now + .seconds(79)).jobs == 0)
            #expect(try await store.prune(limit: 10, at: Sample.now + .seconds(80)).jobs == 1)
        },
        StoreContractCase(name: "old idempotency keys go") { store in
            let key = IdempotencyKey(scope: [1], fingerprint: [1], expires: Sample.now + .seconds(1))
            _ = try await store.accept(Sample.job(idempotency: key))
            #expect(try await store.prune(limit: 10, at: Sample.now).keys == 0)
            #expect(try await store.prune(limit: 10, at: Sample.now + .seconds(1)).keys == 1)
        },
        StoreContractCase(name: "pruning keeps to its limit") { store in
            _ = try await store.enqueue((0..<10).map { _ in Sample.job() }, at: Sample.now)
            _ = try await store.settle(try await store.claim().map { Sample.success($0, keep: 1) })
            #expect(try await store.prune(limit: 4, at: Sample.now + .seconds(1)).jobs == 4)
            #expect(try await store.prune(limit: 4, at: Sample.now + .seconds(1)).jobs == 4)
            #expect(try await store.prune(limit: 4, at: Sample.now + .seconds(1)).jobs == 2)
        },
        StoreContractCase(name: "the backlog counts what is live") { store in
            _ = try await store.accept(Sample.job(due: 30), Sample.job(due: 20), Sample.job("g"), Sample.job("g"))
            _ = try await store.claim("g", limit: 1)
            #expect(
                try await store.backlog() == [
                    Backlog(function: "f", queued: 2),
                    Backlog(function: "g", queued: 1, running: 1),
                ])
        },
        StoreContractCase(name: "the backlog tells accounts apart, through claims, retries and ends") { store in
            _ = try await store.accept(
                Sample.job(owner: "a"), Sample.job(owner: "a"), Sample.job(owner: "b"), Sample.job(),
                Sample.job("g", owner: "a"))
            func rows() async throws -> [Backlog] { try await store.backlog() }
            #expect(
                try await rows() == [
                    Backlog(function: "f", queued: 1), Backlog(function: "f", owner: "a", queued: 2),
                    Backlog(function: "f", owner: "b", queued: 1), Backlog(function: "g", owner: "a", queued: 1),
                ])
            let running = try await store.claim(limit: 2)
            #expect(try await rows().filter { $0.owner == "a" }.map(\.running) == [2, 0])
            _ = try await store.settle([Sample.again(running[0], due: 50), Sample.failure(running[1])])
            #expect(
                try await rows().filter { $0.owner == "a" } == [
                    Backlog(function: "f", owner: "a", queued: 1), Backlog(function: "g", owner: "a", queued: 1),
                ])
            let request = RetryRequest(id: running[1].job.id, deadline: Sample.now + .seconds(60))
            #expect(try await store.retry([request], at: Sample.now) == [.retried(run: 2)])
            #expect(try await rows().first { $0.owner == "a" }?.queued == 2)
        },
        StoreContractCase(name: "the oldest due job of an account is found, by function") { store in
            _ = try await store.accept(
                Sample.job(due: 1, owner: "b"), Sample.job(due: 3, owner: "a"), Sample.job(due: 2, owner: "a"),
                Sample.job("g", due: 9, owner: "a"), Sample.job(due: 0))
            #expect(
                try await store.oldestDue(of: "a")
                    == ["f": Sample.now + .milliseconds(2), "g": Sample.now + .milliseconds(9)])
            #expect(try await store.oldestDue(of: "nobody") == [:])
        },
        StoreContractCase(name: "an account's lists, counts and times come from its own rows alone") { store in
            func fill(_ owner: String, _ random: UInt64) async throws -> [JobID] {
                var ids = try await store.accept(
                    Sample.job(lane: 1, random: random, owner: owner),
                    Sample.job(lane: 1, random: random, owner: owner),
                    Sample.job(lane: 1, random: random, owner: owner))
                let live = try await store.claim(lane: 1, limit: 3)
                _ = try await store.settle([Sample.failure(live[0]), Sample.success(live[1], at: 30)])
                ids += try await store.accept(
                    Sample.job(lane: 2, random: random, owner: owner),
                    Sample.job(lane: 2, random: random, due: 90, owner: owner))
                return ids
            }
            func pages(_ states: Set<JobFilter.Status>) async throws -> [[JobID]] {
                var pages: [[JobID]] = []
                for newestFirst in [true, false] {
                    var cursor: Int64?
                    repeat {
                        let page = try await store.list(
                            JobFilter(states: states, owner: "b"), after: cursor, newestFirst: newestFirst, limit: 1,
                            including: [], within: .none, at: Sample.now)
                        pages.append(page.jobs.map(\.job.id))
                        cursor = page.next
                    } while cursor != nil
                }
                return pages
            }
            let mine = try await fill("b", 1)
            var before: [[[JobID]]] = []
            let statuses =
                JobFilter.Status.allCases.map { [$0] } + [JobFilter.Status.live, Set(JobFilter.Status.allCases)]
            for status in statuses { before.append(try await pages(status)) }
            #expect(Set(before.flatMap { $0 }.flatMap { $0 }) == Set(mine))
            let times = try await store.latestTimes(of: "b", limit: 10)
            #expect(times["f"]?.sorted() == [10, 30])
            let failures = try await store.failures(of: "b")
            #expect(failures == ["f": 1])
            // Whatever others do, nothing of it shows: not how many pages there are, not where they end.
            for round in 0..<4 { _ = try await fill("a", UInt64(10 + round)) }
            for (status, pagesBefore) in zip(statuses, before) { #expect(try await pages(status) == pagesBefore) }
            #expect(try await store.latestTimes(of: "b", limit: 10) == times)
            #expect(try await store.failures(of: "b") == failures)
        },
        StoreContractCase(name: "failures are counted as jobs stand now, of one account or all") { store in
            _ = try await store.accept(
                Sample.job(owner: "a"), Sample.job(owner: "b"), Sample.job(), Sample.job("g"), Sample.job(owner: "a"))
            let live = try await store.claim()
            _ = try await store.settle(live.dropLast().map { Sample.failure($0) } + [Sample.success(live[3])])
            _ = try await store.settle(try await store.claim("g").map { Sample.failure($0) })
            #expect(try await store.failures(of: nil) == ["f": 3, "g": 1])
            #expect(try await store.failures(of: "a") == ["f": 1])
            let request = RetryRequest(id: live[0].job.id, deadline: Sample.now + .seconds(60))
            _ = try await store.retry([request], at: Sample.now)
            #expect(try await store.failures(of: "a") == [:])
            _ = try await store.settle(try await store.claim().map { Sample.success($0) })
            #expect(try await store.failures(of: "a") == [:])
            #expect(try await store.failures(of: nil) == ["f": 2, "g": 1])
            _ = try await store.prune(limit: 10, at: Sample.now + .seconds(60))
            #expect(try await store.failures(of: nil) == [:])
        },
        StoreContractCase(name: "a list has every job that matches once, in either order, page by page") { store in
            var jobs: [NewJob] = []
            for number in 0..<30 {
                jobs.append(
                    Sample.job(
                        number % 3 == 0 ? "g" : "f", due: number % 5 == 0 ? 5000 : 0,
                        owner: number % 2 == 0 ? "me" : nil))
            }
            let results = try await store.enqueue(jobs, at: Sample.now)
            let ids = results.compactMap { if case .accepted(let id, _) = $0 { id } else { nil } }
            let claimed = try await store.claim(limit: 6)
            _ = try await store.settle([
                Sample.success(claimed[0]), Sample.success(claimed[1], at: 500), Sample.failure(claimed[2]),
                Sample.failure(claimed[3], at: 500),
            ])
            func pages(_ filter: JobFilter, newestFirst: Bool, limit: Int) async throws -> [JobID] {
                var found: [JobID] = []
                var cursor: Int64?
                repeat {
                    let page = try await store.list(
                        filter, after: cursor, newestFirst: newestFirst, limit: limit, including: [], within: .none,
                        at: Sample.now)
                    #expect(page.jobs.count <= limit)
                    found += page.jobs.map(\.job.id)
                    cursor = page.next
                } while cursor != nil
                return found
            }
            func expect(_ filter: JobFilter, _ wanted: (JobSnapshot) -> Bool) async throws {
                var expected: [JobID] = []
                for id in ids { if let job = try await store.snapshot(id), wanted(job) { expected.append(id) } }
                for limit in [1, 4, 100] {
                    #expect(try await pages(filter, newestFirst: false, limit: limit) == expected, "\(filter) \(limit)")
                    #expect(
                        try await pages(filter, newestFirst: true, limit: limit) == expected.reversed(),
                        "\(filter) \(limit)")
                }
                #expect(
                    try await store.count(filter, within: .none, at: Sample.now)
                        == JobCount(count: expected.count, isExact: true))
            }
            try await expect(JobFilter()) { _ in true }
            try await expect(JobFilter(function: "g")) { $0.job.function == "g" }
            try await expect(JobFilter(owner: "me")) { $0.job.owner == "me" }
            try await expect(JobFilter(owner: "nobody")) { _ in false }
            // Every set that an operator asks for takes another mix of indexes.
            let sets: [Set<JobFilter.Status>] =
                JobFilter.Status.allCases.map { [$0] } + [
                    [.failed, .timeout, .cancelled], [.pending, .delayed], [.processing, .failed],
                    [.completed, .failed], [.completed, .pending], JobFilter.Status.live,
                ]
            for states in sets {
                for function in [nil, "g", "never"] {
                    for owner in [nil, "me", "nobody"] {
                        try await expect(JobFilter(states: states, function: function, owner: owner)) {
                            states.contains(JobFilter.Status($0, at: Sample.now))
                                && function ?? $0.job.function == $0.job.function
                                && (owner == nil || owner == $0.job.owner)
                        }
                    }
                }
            }
            let late = Sample.now + .milliseconds(100)
            try await expect(JobFilter(states: [.failed], since: late)) {
                $0.state == .failed && $0.completedAt.map { $0 >= late } ?? false
            }
            try await expect(JobFilter(states: [.pending, .failed], until: late)) {
                let status = JobFilter.Status($0, at: Sample.now)
                return status == .pending || status == .failed && $0.completedAt.map { $0 < late } ?? false
            }
            try await expect(JobFilter(until: late)) { ($0.completedAt ?? $0.job.createdAt) < late }
        },
        StoreContractCase(name: "a closed store says so") { store in
            try await store.probe()
            await store.close()
            await #expect(throws: StoreError.closed) { try await store.probe() }
            await #expect(throws: StoreError.closed) { try await store.fetch([], including: []) }
        },
    ]

    struct Unexpected: Error {}
}
