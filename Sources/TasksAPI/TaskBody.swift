internal import JobModel
internal import JobStore
internal import PayloadSchema

/// A job as the tasks API writes it.
enum TaskBody {
    /// Payload and parameters are the bytes that were stored: they were checked when they came, and a list of a hundred large
    /// ones must not parse them again.
    static func bytes(of job: JobSnapshot, attempts: [Attempt], at now: Timestamp) -> [UInt8] {
        let head: JSONValue = [
            "id": .string(job.job.id.description),
            "type": .string(job.job.type),
            "targetUrl": .null,
            "status": .string(JobFilter.Status(job, at: now).rawValue),
            "retryCount": .integer(job.progress.retryCount),
        ]
        var bytes = head.bytes
        bytes.removeLast()
        bytes += Array(#","payload":"#.utf8) + stored(job.job.payload)
        if !job.omitted.isEmpty { bytes += Array(#","payloadOmitted":true"#.utf8) }
        bytes += Array(#","parameters":"#.utf8) + stored(job.job.parameters)
        bytes.append(UInt8(ascii: ","))
        bytes += rest(of: job, attempts).bytes.dropFirst()
        return bytes
    }

    private static func stored(_ bytes: [UInt8]?) -> [UInt8] {
        guard let bytes, !bytes.isEmpty else { return Array("null".utf8) }
        return bytes
    }

    private static func rest(of job: JobSnapshot, _ attempts: [Attempt]) -> JSONValue {
        let isFailure = job.state.isTerminal && job.state != .completed
        let error =
            isFailure ? job.progress.lastError ?? (job.state == .cancelled ? "cancelled" : nil) : nil
        return [
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

    /// Of an HTTP call its real answer; of any other job 200, JSON, the value as text (CONTRACT 5).
    private static func result(of job: JobSnapshot, _ attempts: [Attempt]) -> JSONValue {
        guard job.state == .completed else { return .null }
        let last = attempts.last
        let duration = last.map { ($0.completedAt - $0.startedAt).milliseconds } ?? 0
        guard let exchange = last?.exchange, let status = exchange.statusCode else {
            guard let value = job.value else { return .null }
            return [
                "statusCode": 200, "headers": ["content-type": "application/json"],
                "body": .string(String(decoding: value, as: UTF8.self)), "duration": .integer(duration),
            ]
        }
        var object = JSONObject()
        object["statusCode"] = .integer(status)
        object["headers"] = headers(exchange)
        object["body"] = .string(exchange.body)
        object["duration"] = .integer(Int64(exchange.timings.total.rounded()))
        if exchange.isTruncated { object["truncated"] = true }
        return .object(object)
    }

    /// Of several fields of one name the values in one, as RFC 9110, section 5.3 joins them.
    private static func headers(_ exchange: Exchange) -> JSONValue {
        var values: [MemberName: [String]] = [:]
        for field in exchange.headers { values[MemberName(field.name), default: []].append(field.value) }
        var object = JSONObject()
        for field in exchange.headers {
            guard let all = values.removeValue(forKey: MemberName(field.name)) else { continue }
            object[field.name] = .string(all.joined(separator: ", "))
        }
        return .object(object)
    }

    /// So much of an attempt's answer is shown.
    private static let shownBytes = 4096

    private static func body(_ attempt: Attempt) -> JSONValue {
        [
            "number": .integer(attempt.number), "run": .integer(attempt.run), "startedAt": time(attempt.startedAt),
            "completedAt": time(attempt.completedAt), "outcome": .string(outcome(attempt.result)),
            "statusCode": attempt.statusCode.map { .integer($0) } ?? .null, "error": .optional(attempt.error),
            "manifestRevision": .string(attempt.revision), "response": response(attempt.exchange),
            "timings": timings(attempt.exchange),
        ]
    }

    private static func response(_ exchange: Exchange?) -> JSONValue {
        guard let exchange, exchange.statusCode != nil else { return .null }
        return ["headers": headers(exchange), "body": .string(exchange.body.limited(toBytes: shownBytes))]
    }

    /// Milliseconds with one digit behind the point.
    private static func timings(_ exchange: Exchange?) -> JSONValue {
        guard let timings = exchange?.timings else { return .null }
        func milliseconds(_ value: Double) -> JSONValue { .decimal(tenths: Int64((value * 10).rounded())) }
        return [
            "dns": milliseconds(timings.dns), "connect": milliseconds(timings.connect),
            "tls": milliseconds(timings.tls), "firstByte": milliseconds(timings.firstByte),
            "total": milliseconds(timings.total),
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

    private static func time(_ time: Timestamp?) -> JSONValue { .optional(time?.description) }
}
