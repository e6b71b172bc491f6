package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func count(
        _ filter: JobFilter, within bounds: ReadBounds, at now: Timestamp
    ) async throws(StoreError) -> JobCount {
        let uptime = uptime
        return try await readerThreads.read(for: bounds.caller) { connection throws(StoreError) in
            let clock = ReadClock(bounds, uptime: uptime)
            return try connection.inOneMoment { () throws(StoreError) in
                if filter.keys != nil || filter.since != nil || filter.until != nil {
                    return try connection.walk(filter, clock, at: now)
                }
                guard let names = try FilterNumbers(filter, on: connection) else {
                    return JobCount(count: 0, isExact: true)
                }
                return try connection.count(filter.states, names, clock, at: now)
            }
        }
    }

    package func countAhead(of id: JobID, limit: Int, at now: Timestamp) async throws(StoreError) -> Int {
        try await readerThreads.read { connection throws(StoreError) in
            try connection.inOneMoment { () throws(StoreError) in
                try connection.countAhead(of: id, limit: limit, at: now)
            }
        }
    }
}

/// ?1 a function's number, ?2 an owner's, ?3 now; ?4 and ?5 whether due jobs count, and jobs that are due later.
enum CountSQL {
    private static let due = "((?4 AND due <= ?3) OR (?5 AND due > ?3))"
    private static let ofFunction = " AND function = ?1"
    private static let ofOwner = " AND owner = ?2"

    static func queued(function: Bool, owner: Bool) -> String {
        owner
            ? "SELECT count(*) FROM queue INDEXED BY queue_owner WHERE state = 0 AND owner IS NOT NULL"
                + "\(ofOwner)\(function ? ofFunction : "") AND \(due)"
            : "SELECT count(*) FROM queue INDEXED BY queue_due WHERE state = 0\(function ? ofFunction : "") AND \(due)"
    }

    static func running(function: Bool, owner: Bool) -> String {
        "SELECT count(*) FROM queue INDEXED BY queue_running WHERE state = 1"
            + "\(function ? ofFunction : "")\(owner ? ofOwner : "")"
    }

    static func waiting(function: Bool, owner: Bool) -> String {
        "SELECT count(*) FROM queue INDEXED BY queue_waiting WHERE state = 2"
            + "\(function ? ofFunction : "")\(owner ? ofOwner : "")"
    }

    /// ?1 an owner's number, ?2 a state, ?3 a function's number or NULL.
    static let ended: StaticString =
        """
        SELECT ifnull(sum(count), 0) FROM tallies WHERE owner = ?1 AND state = ?2 AND (?3 IS NULL OR function = ?3)
        """

    static let queuedJob: StaticString =
        "SELECT function, owner, lane, priority, due FROM queue WHERE row = ?1 AND state = 0"
    /// ?1 function, ?2 owner, ?3 now, ?4 how many are looked at, ?5 priority, ?6 due and ?7 row of the job.
    static let aheadOfOwner: StaticString =
        """
        SELECT count(*) FROM (SELECT row, priority, due FROM queue INDEXED BY queue_owner
            WHERE state = 0 AND owner IS NOT NULL AND owner = ?2 AND function = ?1 AND due <= ?3 LIMIT ?4)
        WHERE priority > ?5 OR (priority = ?5 AND (due, row) < (?6, ?7))
        """
    /// As above, ?2 a lane: a caller without an account has its own.
    static let aheadInLane: StaticString =
        """
        SELECT count(*) FROM (SELECT row, priority, due FROM queue INDEXED BY queue_due
            WHERE state = 0 AND function = ?1 AND lane = ?2 AND priority >= ?5 AND due <= ?3 LIMIT ?4)
        WHERE priority > ?5 OR (due, row) < (?6, ?7)
        """
}

extension Connection {
    /// By what the filter says of times, job by job until the time is up.
    fileprivate func walk(_ filter: JobFilter, _ clock: ReadClock, at now: Timestamp) throws(StoreError) -> JobCount {
        var candidates = try Candidates(filter, after: nil, newestFirst: true, at: now, on: self)
        var (count, looked) = (0, 0)
        while let (_, matches) = try candidates.next() {
            if looked > 0, clock.isUp { return JobCount(count: count, isExact: false) }
            looked += 1
            if matches { count += 1 }
        }
        return JobCount(count: count, isExact: true)
    }

    /// Ended jobs are counted already; live ones are, at most, as many as may be queued.
    fileprivate func count(
        _ states: Set<JobFilter.Status>, _ names: FilterNumbers, _ clock: ReadClock, at now: Timestamp
    ) throws(StoreError) -> JobCount {
        var count = 0
        for (status, state) in [
            (JobFilter.Status.completed, JobState.completed), (.failed, .failed), (.timeout, .timeout),
            (.cancelled, .cancelled),
        ] where states.contains(status) {
            let select = try statement(CountSQL.ended)
                .bind(1, names.owner ?? Tallies.everybody).bind(2, state.rawValue).bind(3, names.function)
            defer { select.reset() }
            if try select.step() { count += max(0, select.int(0)) }
        }
        var isExact = true
        let (hasFunction, hasOwner) = (names.function != nil, names.owner != nil)
        var queries: [String] = []
        if states.contains(.processing) { queries.append(CountSQL.running(function: hasFunction, owner: hasOwner)) }
        if states.contains(.waiting) { queries.append(CountSQL.waiting(function: hasFunction, owner: hasOwner)) }
        if states.contains(.pending) || states.contains(.delayed) {
            queries.append(CountSQL.queued(function: hasFunction, owner: hasOwner))
        }
        for query in queries {
            let select = try prepare(query)
                .bind(1, names.function).bind(2, names.owner).bind(3, now)
                .bind(4, states.contains(.pending) ? 1 : 0).bind(5, states.contains(.delayed) ? 1 : 0)
            guard let some = try firstNumber(of: select, clock) else {
                isExact = false
                continue
            }
            count += some
        }
        return JobCount(count: count, isExact: isExact)
    }

    /// nil when the time was up before it was known.
    private func firstNumber(of select: Statement, _ clock: ReadClock) throws(StoreError) -> Int? {
        var isInterrupted = false
        do throws(StoreError) {
            return try watched(everySteps: 10_000) {
                isInterrupted = clock.isUp
                return !isInterrupted
            } _: { () throws(StoreError) in
                try select.step() ? select.int(0) : 0
            }
        } catch {
            if isInterrupted { return nil }
            throw error
        }
    }

    fileprivate func countAhead(of id: JobID, limit: Int, at now: Timestamp) throws(StoreError) -> Int {
        let job = try statement(CountSQL.queuedJob).bind(1, id.row)
        defer { job.reset() }
        guard try job.step() else { return 0 }
        let owner = job.optionalInteger(1)
        let select = try statement(owner == nil ? CountSQL.aheadInLane : CountSQL.aheadOfOwner)
            .bind(1, job.integer(0)).bind(2, owner ?? job.integer(2)).bind(3, now).bind(4, limit)
            .bind(5, job.integer(3)).bind(6, job.integer(4)).bind(7, id.row)
        defer { select.reset() }
        return try select.step() ? select.int(0) : 0
    }
}
