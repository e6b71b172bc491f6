import JobModel
import JobStore
import Testing

extension StoreContract {
    static let lists: [StoreContractCase] = [
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
        StoreContractCase(name: "a function's jobs are found beneath thousands of newer ones of another") { store in
            let mine = try await store.accept(Sample.job("g", owner: "me"), Sample.job("g", due: 900))
            _ = try await store.settle(try await store.claim("g").map { Sample.failure($0) })
            _ = try await store.enqueue([NewJob](repeating: Sample.job(), count: 4500), at: Sample.now)
            let filter = JobFilter(function: "g")
            let page = try await store.list(filter)
            #expect(page.jobs.map(\.job.id) == mine.reversed())
            #expect(page.next == nil)
            let failed = JobFilter(states: [.failed], function: "g")
            #expect(try await store.list(failed).jobs.map(\.job.id) == [mine[0]])
            #expect(try await store.count(filter, within: .none, at: Sample.now) == JobCount(count: 2, isExact: true))
        },
        StoreContractCase(name: "totals follow jobs through ends, retries and their purge, of all and of one owner") {
            store in
            func totals(_ owner: String?) async throws -> [Int] {
                var totals: [Int] = []
                for states in [[.failed], [.completed], [.cancelled], [.pending], Set(JobFilter.Status.allCases)] {
                    let count = try await store.count(
                        JobFilter(states: states, owner: owner), within: .none, at: Sample.now)
                    #expect(count.isExact)
                    totals.append(count.count)
                }
                return totals
            }
            let ids = try await store.accept(Sample.job(owner: "a"), Sample.job(owner: "a"), Sample.job(), Sample.job())
            #expect(try await totals(nil) == [0, 0, 0, 4, 4])
            let live = try await store.claim(limit: 3)
            _ = try await store.settle([
                Sample.failure(live[0]), Sample.success(live[1]), Sample.failure(live[2], keep: 90_000),
            ])
            #expect(try await totals(nil) == [2, 1, 0, 1, 4])
            #expect(try await totals("a") == [1, 1, 0, 0, 2])
            // What is told twice ends once.
            #expect(try await store.settle([Sample.failure(live[0])]) == [.stale])
            #expect(try await totals(nil) == [2, 1, 0, 1, 4])
            _ = try await store.retry([RetryRequest(id: ids[0], deadline: Sample.now + .seconds(60))], at: Sample.now)
            #expect(try await totals(nil) == [1, 1, 0, 2, 4])
            #expect(try await totals("a") == [0, 1, 0, 1, 2])
            _ = try await store.settle(try await store.claim(limit: 2).map { Sample.success($0) })
            #expect(try await totals(nil) == [1, 3, 0, 0, 4])
            #expect(try await totals("a") == [0, 2, 0, 0, 2])
            _ = try await store.prune(limit: 10, at: Sample.now + .milliseconds(60_000))
            #expect(try await totals(nil) == [1, 0, 0, 0, 1])
            #expect(try await totals("a") == [0, 0, 0, 0, 0])
        },
        StoreContractCase(name: "a page ends before its bytes are too many, with one job at least") { store in
            let big = [UInt8](repeating: 0x20, count: 1000)
            let ids = try await store.enqueue([NewJob](repeating: Sample.job(payload: big), count: 5), at: Sample.now)
                .count
            var sizes: [Int] = []
            var cursor: Int64?
            repeat {
                let page = try await store.list(JobFilter(), after: cursor, within: ReadBounds(bytes: 2500))
                sizes.append(page.jobs.count)
                #expect((page.next != nil) == (page.cut == .size))
                cursor = page.next
            } while cursor != nil
            #expect(sizes == [2, 2, 1])
            #expect(sizes.reduce(0, +) == ids)
            #expect(try await store.list(JobFilter(), within: ReadBounds(bytes: 1)).jobs.count == 1)
        },
        StoreContractCase(name: "a payload or value that is too long is left out, and the job says so") { store in
            let long = Array("[\(String(repeating: "1,", count: 40))1]".utf8)
            let ids = try await store.accept(Sample.job(payload: long), Sample.job())
            let live = try await store.claim()
            var settlement = Sample.success(live[1])
            settlement.change = .end(
                Ending(.completed, value: long), at: Sample.now, keepUntil: Sample.now + .seconds(60),
                tombstoneUntil: Sample.now + .seconds(60))
            _ = try await store.settle([Sample.success(live[0]), settlement])
            let page = try await store.list(JobFilter(), within: ReadBounds(bytes: 50, partBytes: 40))
            #expect(page.jobs.map(\.job.id) == ids.reversed())
            #expect(page.jobs.map(\.omitted) == [.value, .payload])
            #expect(page.jobs.map(\.value) == [nil, Array("[1]".utf8)])
            #expect(page.jobs.map(\.job.payload) == [Array("{}".utf8), nil])
            let whole = try await store.list(JobFilter(), within: ReadBounds(partBytes: long.count))
            #expect(whole.jobs.map(\.omitted) == [[], []])
            #expect(try await store.snapshot(ids[0])?.job.payload == long)
        },
        StoreContractCase(name: "a list whose time is up says so, and gets on page by page") { store in
            let results = try await store.enqueue(
                (0..<6).map { Sample.job($0 % 2 == 0 ? "f" : "g", due: $0 < 4 ? 900 : 0) }, at: Sample.now)
            let late = JobFilter(states: [.delayed], since: Sample.now)
            var found: [JobID] = []
            var cursor: Int64?
            var pages = 0
            repeat {
                let page = try await store.list(late, after: cursor, within: ReadBounds(milliseconds: 0))
                #expect((page.next != nil) == (page.cut == .time))
                found += page.jobs.map(\.job.id)
                cursor = page.next
                pages += 1
            } while cursor != nil && pages < 20
            let ids = results.compactMap { if case .accepted(let id, _) = $0 { id } else { nil } }
            #expect(found == ids[..<4].reversed())
            #expect(pages == 6)
            let count = try await store.count(late, within: ReadBounds(milliseconds: 0), at: Sample.now)
            #expect(!count.isExact && count.count < 4)
        },
        StoreContractCase(name: "jobs are found by the idempotency key that they came with") { store in
            func key(_ byte: UInt8) -> IdempotencyKey {
                IdempotencyKey(scope: [byte], fingerprint: [1], expires: Sample.now + .seconds(60))
            }
            let ids = try await store.accept(
                Sample.job(owner: "a", idempotency: key(1)), Sample.job("g", owner: "a", idempotency: key(2)),
                Sample.job(owner: "a"))
            func found(_ filter: JobFilter, newestFirst: Bool = true) async throws -> [JobID] {
                try await store.list(filter, newestFirst: newestFirst).jobs.map(\.job.id)
            }
            #expect(try await found(JobFilter(keys: [[1], [2], [3]])) == [ids[1], ids[0]])
            #expect(try await found(JobFilter(owner: "a", keys: [[1], [2]]), newestFirst: false) == [ids[0], ids[1]])
            #expect(try await found(JobFilter(function: "g", keys: [[1], [2]])) == [ids[1]])
            #expect(try await found(JobFilter(states: [.failed], keys: [[1]])) == [])
            #expect(try await found(JobFilter(keys: [[3]])) == [])
            // A scope that is somebody else's shows nothing.
            _ = try await store.accept(Sample.job(owner: "b"))
            #expect(try await found(JobFilter(owner: "b", keys: [[1]])) == [])
            #expect(
                try await store.count(JobFilter(owner: "a", keys: [[1], [2]]), within: .none, at: Sample.now)
                    == JobCount(count: 2, isExact: true))
        },
        StoreContractCase(name: "attempts come job by job, and end at a bound behind a job") { store in
            let ids = try await store.accept(Sample.job(), Sample.job(), Sample.job())
            let live = try await store.claim()
            let exchange = Exchange(statusCode: 200, headers: [], body: String(repeating: "x", count: 500))
            func told(_ settlement: Settlement) -> Settlement {
                var settlement = settlement
                settlement.attempt?.exchange = exchange
                return settlement
            }
            _ = try await store.settle([told(Sample.again(live[0], due: 0)), told(Sample.success(live[1]))])
            _ = try await store.settle(try await store.claim().map { told(Sample.success($0)) })
            let all = try await store.attempts(of: ids + [ids[0]], within: .none)
            #expect(all.attempts.map { $0.map(\.number) } == [[1, 2], [1], [], [1, 2]] && all.cut == nil)
            #expect(all.attempts[0].allSatisfy { $0.exchange?.body.utf8.count == 500 })
            let cut = try await store.attempts(of: ids, within: ReadBounds(bytes: 1300))
            #expect(cut.attempts.map { $0.map(\.number) } == [[1, 2]] && cut.cut == .size)
            // The first is there in any case, without all that its target answered.
            let small = try await store.attempts(of: ids, within: ReadBounds(bytes: 700))
            #expect(small.attempts.first?.map { $0.exchange != nil } == [true, false])
            let late = try await store.attempts(of: [ids[2], ids[0]], within: ReadBounds(milliseconds: 0))
            #expect(late.attempts == [[]] && late.cut == .time)
        },
        StoreContractCase(name: "due jobs of the same caller and function that come before one are counted") { store in
            let ids = try await store.accept(
                Sample.job(lane: 1, due: -3, owner: "a"), Sample.job(lane: 2, due: -2, owner: "a"),
                Sample.job(lane: 1, due: -1, priority: 5, owner: "a"),
                Sample.job(lane: 1, due: -9, priority: -5, owner: "a"),
                Sample.job(lane: 1, due: 50, priority: 9, owner: "a"), Sample.job("g", due: -9, owner: "a"),
                Sample.job(lane: 3, due: -9, owner: "b"), Sample.job(lane: 4, due: -5), Sample.job(lane: 4, due: -5),
                Sample.job(lane: 5, due: -6))
            var ahead: [Int] = []
            for id in ids { ahead.append(try await store.countAhead(of: id, limit: 100, at: Sample.now)) }
            // The one that is due later: jobs that are due now come before it by time, not by priority.
            #expect(ahead == [1, 2, 0, 3, 0, 0, 0, 0, 1, 0])
            #expect(try await store.countAhead(of: ids[3], limit: 2, at: Sample.now) <= 2)
        },
    ]
}

extension JobReports {
    fileprivate func list(
        _ filter: JobFilter, after cursor: Int64? = nil, newestFirst: Bool = true, within bounds: ReadBounds = .none
    ) async throws -> JobPage {
        try await list(
            filter, after: cursor, newestFirst: newestFirst, limit: 100, including: [.payload, .value], within: bounds,
            at: Sample.now)
    }
}
