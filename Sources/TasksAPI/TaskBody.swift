internal import JobModel
internal import JobStore
internal import PayloadSchema

/// A job as the tasks API writes it.
enum TaskBody {
    static func of(_ job: JobSnapshot, attempts: [Attempt], at now: Timestamp) -> JSONValue {
        let status = JobFilter.Status(job, at: now)
        let isFailure = job.state.isTerminal && job.state != .completed
        let error =
            isFailure ? job.progress.lastError ?? (job.state == .cancelled ? "cancelled" : nil) : nil
        return [
            "id": .string(job.job.id.description),
            "type": .string(job.job.function),
            "targetUrl": .null,
            "status": .string(status.rawValue),
            "retryCount": .integer(job.progress.retryCount),
            "payload": value(job.job.payload),
            "parameters": value(job.job.parameters),
            "result": result(of: job, attempts),
            "error": .optional(error),
            "createdAt": time(job.job.createdAt),
            "scheduledFor": time(job.job.scheduledFor),
            "runAt": job.state == .queued ? time(job.runAt) : .null,
            "startedAt": time(attempts.first?.startedAt ?? job.startedAt),
            "completedAt": time(job.completedAt),
            "manifestRevision": .string(job.job.revision),
            "attempts": .array(attempts.map(body)),
        ]
    }

    /// Of a job that is no HTTP call: 200, JSON, the value as text.
    private static func result(of job: JobSnapshot, _ attempts: [Attempt]) -> JSONValue {
        guard job.state == .completed, let value = job.value else { return .null }
        let duration = attempts.last.map { ($0.completedAt - $0.startedAt).milliseconds } ?? 0
        return [
            "statusCode": 200, "headers": ["content-type": "application/json"],
            "body": .string(String(decoding: value, as: UTF8.self)), "duration": .integer(duration),
        ]
    }

    private static func body(_ attempt: Attempt) -> JSONValue {
        [
            "number": .integer(attempt.number), "run": .integer(attempt.run), "startedAt": time(attempt.startedAt),
            "completedAt": time(attempt.completedAt), "outcome": .string(outcome(attempt.result)),
            "statusCode": attempt.statusCode.map { .integer($0) } ?? .null, "error": .optional(attempt.error),
            "manifestRevision": .string(attempt.revision), "response": .null, "timings": .null,
        ]
    }

    private static func outcome(_ result: Attempt.Result) -> String {
        switch result {
        case .completed: "completed"
        case .failed: "failed"
        case .timeout: "timeout"
        case .expired: "expired"
        case .cancelled: "cancelled"
        case .lost: "lost"
        }
    }

    private static func value(_ bytes: [UInt8]?) -> JSONValue { bytes.flatMap { try? JSONParser.parse($0) } ?? .null }

    private static func time(_ time: Timestamp?) -> JSONValue { .optional(time?.description) }
}
