package import JobModel
package import JobStore

extension SQLiteJobStore {
    package func claim(_ batch: ClaimBatch) async throws(StoreError) -> [ClaimedLane] {
        try await writer.perform { session throws(StoreError) in try session.claim(batch) }
    }
}

/// A job is leased by its row: `queue_due` has been walked before.
enum ClaimSQL {
    static let lease: StaticString =
        """
        UPDATE queue SET state = 1, attempt = attempt + 1, lease = ?2, started_at = ?3, revision = ?4
        WHERE row = ?1 AND state = 0
        """
}

extension WriterSession {
    func claim(_ batch: ClaimBatch) throws(StoreError) -> [ClaimedLane] {
        var answers: [ClaimedLane] = []
        for lane in batch.lanes { answers.append(try claim(lane, under: batch.revision, at: batch.now)) }
        return answers
    }

    private func claim(_ wanted: LaneClaim, under revision: String, at now: Moment) throws(StoreError) -> ClaimedLane {
        var answer = ClaimedLane(function: wanted.function, lane: wanted.lane, jobs: [], nextDue: nil)
        guard let function = try functions.id(of: wanted.function, on: connection) else { return answer }
        let lane = LaneQueue(function: function, name: wanted.function, lane: wanted.lane, connection: connection)
        var priority = LaneQueue.above
        while let stretch = try lane.stretch(
            below: priority, limit: wanted.limit - answer.jobs.count, at: now.steady)
        {
            for job in stretch.due { answer.jobs.append(try lease(job, under: revision, at: now)) }
            if stretch.isCut {
                answer.nextDue = stretch.nextDue
                return answer
            }
            if let next = stretch.nextDue { answer.nextDue = answer.nextDue.map { min($0, next) } ?? next }
            priority = stretch.priority
        }
        return answer
    }

    private func lease(_ queued: LiveJob, under revision: String, at now: Moment) throws(StoreError) -> LiveJob {
        let lease = newLease()
        try connection.statement(ClaimSQL.lease)
            .bind(1, queued.job.id.row).bind(2, lease.token).bind(3, now.wall).bind(4, revision).run()
        guard connection.changes == 1 else { throw .corrupt("a queued job is not in the queue") }
        var job = queued
        (job.state, job.lease, job.startedAt, job.revision) = (.running, lease, now.wall, revision)
        job.progress.attempt += 1
        return job
    }
}
