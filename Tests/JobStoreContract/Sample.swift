package import JobModel
package import JobStore

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
        owner: String? = nil, client: String? = nil, payload: [UInt8]? = Array("{}".utf8),
        idempotency: IdempotencyKey? = nil
    ) -> NewJob {
        let job = Job(
            id: JobID(row: 0, random: random), function: function, owner: owner, client: client,
            revision: "abcdefabcdef", createdAt: now, scheduledFor: due > 0 ? now + .milliseconds(due) : nil,
            priority: priority,
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
