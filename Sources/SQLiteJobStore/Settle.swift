package import JobModel
package import JobStore
private import Synchronization

extension SQLiteJobStore {
    package func settle(
        _ batch: @escaping @Sendable () -> SettleBatch
    ) async throws(StoreError) -> (results: [SettleResult], claimed: [ClaimedLane]) {
        let batch = Once(batch)
        return try await writer.perform { session throws(StoreError) in
            let batch = batch.value
            var results: [SettleResult] = []
            for settlement in batch.settlements { results.append(try session.settle(settlement)) }
            return (results, try batch.claim.map(session.claim) ?? [])
        }
    }

    package func retry(_ requests: [RetryRequest], at now: Timestamp) async throws(StoreError) -> [RetryResult] {
        try await writer.perform { session throws(StoreError) in
            var results: [RetryResult] = []
            for request in requests { results.append(try session.retry(request, at: now)) }
            return results
        }
    }
}

extension WriterSession {
    fileprivate func settle(_ settlement: Settlement) throws(StoreError) -> SettleResult {
        let row = settlement.id.row
        let lease = settlement.lease?.token ?? 0
        let progress = settlement.progress
        switch settlement.change {
        case .queue(let due, let lane):
            try connection.statement(
                """
                UPDATE queue SET state = 0, due = ?3, attempt = ?4, used = ?5, lost = ?6, last_error = ?7, lease = 0,
                    lane = ifnull(?8, lane), started_at = iif(?9, started_at, NULL) WHERE row = ?1 AND lease = ?2
                """
            )
            .bind(1, row).bind(2, lease).bind(3, due).bind(4, progress.attempt).bind(5, progress.used)
            .bind(6, progress.lost).bind(7, progress.lastError).bind(8, lane)
            .bind(9, settlement.attempt == nil ? 0 : 1).run()
            guard connection.changes == 1 else { return .stale }
            if let attempt = settlement.attempt { try keep(attempt, of: row) }
        case .wait(let answer):
            try connection.statement(
                """
                UPDATE queue SET state = 2, attempt = ?3, used = ?4, lost = ?5, last_error = ?6, lease = 0
                WHERE row = ?1 AND lease = ?2 AND lease <> 0
                """
            )
            .bind(1, row).bind(2, lease).bind(3, progress.attempt).bind(4, progress.used).bind(5, progress.lost)
            .bind(6, progress.lastError).run()
            guard connection.changes == 1 else { return .stale }
            if let attempt = settlement.attempt { try keep(attempt, of: row) }
            try connection.statement("INSERT INTO answers (job, value, redirect) VALUES (?1, ?2, ?3)")
                .bind(1, row).bind(2, answer.value).bind(3, answer.redirect).run()
        case .end(let ending, let completedAt, let keepUntil, let tombstoneUntil):
            // Without a lease, run and attempt say that the job is still where it was.
            let removed = try connection.statement(
                """
                DELETE FROM queue WHERE row = ?1 AND lease = ?2 AND (lease <> 0 OR (run = ?3 AND attempt = ?4))
                RETURNING function, owner, state
                """
            )
            .bind(1, row).bind(2, lease).bind(3, progress.run).bind(4, progress.attempt)
            // SQLite removes the row before it returns it.
            guard try removed.step() else { return .stale }
            let (function, owner) = (removed.integer(0), removed.optionalInteger(1))
            let hasAnswer = removed.integer(2) == JobState.waiting.rawValue
            try removed.run()
            if hasAnswer { try connection.statement("DELETE FROM answers WHERE job = ?1").bind(1, row).run() }
            let state = ending.state.rawValue
            // Only what did not complete is found by function and owner in `outcomes`.
            let isUnhappy = ending.state != .completed
            let attempt = settlement.attempt
            try connection.statement(
                """
                INSERT INTO outcomes (job, run, state, failure, completed_at, attempt, used, lost, last_error, value,
                    final_started_at, final_result, final_status_code, final_error, final_revision, purge_at,
                    tombstone_until, final_exchange, redirect, owner, function)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
                """
            )
            .bind(1, row).bind(2, progress.run).bind(3, state).bind(4, ending.failure?.rawValue)
            .bind(5, completedAt).bind(6, progress.attempt).bind(7, progress.used).bind(8, progress.lost)
            .bind(9, progress.lastError).bind(10, ending.value).bind(11, attempt?.startedAt)
            .bind(12, attempt?.result.rawValue).bind(13, attempt?.statusCode.map(Int64.init)).bind(14, attempt?.error)
            .bind(15, attempt?.revision).bind(16, keepUntil).bind(17, tombstoneUntil)
            .bind(18, attempt?.exchange.map { ExchangeText.bytes(of: $0) }).bind(19, ending.redirect)
            .bind(20, isUnhappy ? owner : nil).bind(21, isUnhappy ? function : nil).run()
            tallies.add(1, function: function, owner: owner, state: state)
            for delivery in settlement.deliveries {
                try store(delivery, of: row, run: progress.run, due: settlement.deliveriesDue ?? completedAt)
            }
        }
        return .settled
    }

    /// Attempts that did not end their run; the one that did is part of the outcome.
    private func keep(_ attempt: Attempt, of row: Int64) throws(StoreError) {
        try connection.statement(
            """
            INSERT INTO attempts (job, number, run, started_at, completed_at, result, status_code, error, revision,
                exchange) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            """
        )
        .bind(1, row).bind(2, attempt.number).bind(3, attempt.run).bind(4, attempt.startedAt)
        .bind(5, attempt.completedAt).bind(6, attempt.result.rawValue).bind(7, attempt.statusCode.map(Int64.init))
        .bind(8, attempt.error).bind(9, attempt.revision).bind(10, attempt.exchange.map { ExchangeText.bytes(of: $0) })
        .run()
    }

    fileprivate func retry(_ request: RetryRequest, at now: Timestamp) throws(StoreError) -> RetryResult {
        let row = request.id.row
        let snapshot: JobSnapshot
        switch try connection.lookUp(request.id, including: []) {
        case .found(let found): snapshot = found
        case .purged, .unknown: return .unknown
        }
        switch snapshot.state {
        case .failed, .timeout, .cancelled: break
        case .queued, .running, .waiting, .completed: return .refused(snapshot.state)
        }
        let run = snapshot.progress.run + 1
        try connection.statement("UPDATE outcomes SET purge_at = NULL WHERE job = ?1").bind(1, row).run()
        let function = try functions.idOrNew(of: snapshot.job.function, on: connection)
        var owner: Int64?
        if let name = snapshot.job.owner { owner = try owners.idOrNew(of: name, on: connection) }
        tallies.add(-1, function: function, owner: owner, state: snapshot.state.rawValue)
        try connection.statement(
            """
            INSERT INTO queue (row, function, priority, due, deadline, lane, owner, state, run, attempt, used, lost,
                lease, stranger)
            SELECT row, function, priority, ?2, ?3, ?6, (SELECT id FROM owners WHERE name = jobs.owner), 0, ?4, ?5, 0,
                0, 0, ?7 FROM jobs WHERE row = ?1
            """
        )
        .bind(1, row).bind(2, now).bind(3, request.deadline).bind(4, run).bind(5, snapshot.progress.attempt)
        .bind(6, request.lane).bind(7, snapshot.job.stranger?.number).run()
        return .retried(run: run)
    }
}

/// Made when it is first asked for: a write whose batch failed runs again.
private final class Once<Value: Sendable>: Sendable {
    private let made = Mutex<Value?>(nil)
    private let make: @Sendable () -> Value

    init(_ make: @escaping @Sendable () -> Value) { self.make = make }

    var value: Value {
        made.withLock { made in
            let value = made ?? make()
            made = value
            return value
        }
    }
}
