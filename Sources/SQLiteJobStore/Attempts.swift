package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func attempts(of ids: [JobID], within bounds: ReadBounds) async throws(StoreError) -> AttemptPage {
        let uptime = uptime
        // One job's is a point read.
        if ids.count == 1 {
            return try readers.read { connection throws(StoreError) in
                try connection.attempts(of: ids, bounds, ReadClock(bounds, uptime: uptime))
            }
        }
        return try await readerThreads.read(for: bounds.caller) { connection throws(StoreError) in
            try connection.attempts(of: ids, bounds, ReadClock(bounds, uptime: uptime))
        }
    }
}

enum AttemptSQL {
    static let ofJob: StaticString =
        """
        SELECT number, run, started_at, completed_at, result, status_code, error, revision, length(exchange), exchange
            FROM attempts WHERE job = ?1
        UNION ALL
        SELECT attempt, run, final_started_at, completed_at, final_result, final_status_code, final_error,
            final_revision, length(final_exchange), final_exchange FROM outcomes WHERE job = ?1 AND final_result IS NOT NULL
        ORDER BY 1
        """
}

extension Connection {
    fileprivate func attempts(
        of ids: [JobID], _ bounds: ReadBounds, _ clock: ReadClock
    ) throws(StoreError) -> AttemptPage {
        var bytesLeft = bounds.bytes
        var page = AttemptPage(attempts: [])
        for id in ids {
            if !page.attempts.isEmpty, clock.isUp {
                page.cut = .time
                break
            }
            let (found, fits) = try attempts(of: id, bytesLeft: &bytesLeft)
            guard fits || page.attempts.isEmpty else {
                page.cut = .size
                break
            }
            page.attempts.append(found)
        }
        return page
    }

    /// Past the bytes, what targets answered is left out, and the attempts did not fit.
    fileprivate func attempts(
        of id: JobID, bytesLeft: inout Int
    ) throws(StoreError) -> (attempts: [Attempt], fit: Bool) {
        let select = try statement(AttemptSQL.ofJob).bind(1, id.row)
        defer { select.reset() }
        var attempts: [Attempt] = []
        var fits = true
        while try select.step() {
            guard let result = Attempt.Result(rawValue: select.integer(4)) else {
                throw .corrupt("an attempt has result \(select.integer(4))")
            }
            let size = select.int(8)
            let hasRoom = size <= bytesLeft
            if hasRoom { bytesLeft -= size } else { fits = false }
            attempts.append(
                Attempt(
                    number: select.int(0), run: select.int(1), startedAt: select.time(2), completedAt: select.time(3),
                    result: result, statusCode: select.optionalInteger(5).map(Int.init), error: select.optionalText(6),
                    revision: select.text(7), exchange: hasRoom ? select.bytes(9).flatMap(ExchangeText.exchange) : nil))
        }
        return (attempts, fits)
    }
}
