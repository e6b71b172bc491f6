import JobModel
import JobStore
import Testing

/// Summaries: what is live, what is due, how long it took, what failed.
extension StoreContract {
    static let reports: [StoreContractCase] = [
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
        StoreContractCase(name: "the backlog tells addresses apart, through claims, retries and ends") { store in
            let (one, other) = (CallerAddress("192.0.2.1"), CallerAddress("2001:db8:0:7::"))
            _ = try await store.accept(
                Sample.job(client: "192.0.2.1"), Sample.job(due: 50, client: "192.0.2.1"), Sample.job(),
                Sample.job(due: 50, client: "2001:db8:0:7::1"), Sample.job(due: 50, client: "2001:db8:0:7::2"),
                // Neither loopback nor an account is a stranger.
                Sample.job(due: 50, client: "127.0.0.1"), Sample.job(due: 50, owner: "a", client: "192.0.2.1"),
                Sample.job("g", client: "192.0.2.1"))
            func rows() async throws -> [Backlog] { try await store.backlog().filter { $0.stranger != nil } }
            func row(_ function: String, _ stranger: CallerAddress?, _ queued: Int) -> Backlog {
                Backlog(function: function, stranger: stranger, queued: queued)
            }
            #expect(
                Set(try await rows().map { "\($0)" })
                    == Set([row("f", one, 2), row("f", other, 2), row("g", one, 1)].map { "\($0)" }))
            #expect(
                try await store.backlog().first { $0.function == "f" && $0.owner == nil && $0.stranger == nil }?.queued
                    == 2)
            let live = try await store.claim("g")
            #expect(try await !rows().contains { $0.function == "g" })
            _ = try await store.settle([Sample.again(live[0], due: 50)])
            #expect(try await rows().contains(row("g", one, 1)))
            _ = try await store.settle(try await store.claim("g", at: 50).map { Sample.failure($0) })
            #expect(try await !rows().contains { $0.function == "g" })
            let request = RetryRequest(id: live[0].job.id, deadline: Sample.now + .seconds(60))
            #expect(try await store.retry([request], at: Sample.now) == [.retried(run: 2)])
            #expect(try await rows().contains(row("g", one, 1)))
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
    ]
}
