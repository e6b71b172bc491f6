internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import NIOHTTP1
internal import PayloadSchema

/// A job's status as the table of CONTRACT 2 has it.
struct StatusPage: Sendable {
    private let basePath: [String]
    private let engine: JobEngine

    init(basePath: [String], engine: JobEngine) {
        self.basePath = basePath
        self.engine = engine
    }

    /// What the paths of a function's status pages begin with, the slash at the end included.
    func path(ofFunction name: String) -> String { "/" + (basePath + [name, "status", ""]).joined(separator: "/") }

    /// What has to be read to render a status. No payload: where a redirect leads was worked out before.
    static let parts = JobParts.value

    func response(for job: JobSnapshot, requestID: RequestID) -> ServerResponse {
        let function = engine.policy(for: job.job)?.function
        let name = StatusName(job.state, failure: job.failure)
        let code = function?.endpoint.statusCodes[name] ?? name.defaultStatusCode
        var response =
            code >= 400
            ? problem(code, job, name).response(requestID: requestID)
            : ServerResponse(status: code, headers: ["Content-Type": "application/json"], body: body(of: job, name))
        if let location = Self.location(for: job) {
            response = ServerResponse(
                status: 303, headers: ["Content-Type": "application/json", "Location": location],
                body: body(of: job, name))
        }
        if !job.state.isTerminal {
            response.headers.add(name: "Retry-After", value: String(retryAfter(job)))
        }
        response.headers.add(name: "Sluice-Job-State", value: name.rawValue)
        response.headers.add(name: "Cache-Control", value: "no-store")
        return response
    }

    func retryAfter(_ job: JobSnapshot) -> Int64 {
        engine.pollAdvice(for: job).seconds(for: job, at: engine.now)
    }

    /// A job that is not there (any more), or not for these eyes.
    static func gone(_ reason: String) -> Problem {
        Problem(
            410, "Job expired or unknown", kind: "job-gone", title: "Gone",
            extensions: [("reason", .string(reason))], headers: [("Cache-Control", "no-store")])
    }

    /// `{"state":…}` with the result's bytes as they were stored. Written piece by piece: clients ask again and again.
    func body(of job: JobSnapshot, _ name: StatusName) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256 + (job.value?.count ?? 0))
        bytes += #"{"state":""#.utf8
        bytes += name.rawValue.utf8
        bytes += #"","attempts":"#.utf8
        bytes += String(job.progress.attempt).utf8
        bytes += #","lastError":"#.utf8
        if let error = job.progress.lastError { bytes += JSONValue.string(error).bytes } else { bytes += "null".utf8 }
        bytes += #","queueId":"#.utf8
        bytes += JSONValue.string(job.job.function).bytes
        bytes += #","jobId":""#.utf8
        bytes += job.job.id.description.utf8
        if name == .completed {
            bytes += #"","result":"#.utf8
            if let value = job.value { bytes += value } else { bytes += "null".utf8 }
            bytes.append(UInt8(ascii: "}"))
        } else {
            bytes += #"","createdAt":""#.utf8
            bytes += job.job.createdAt.description.utf8
            bytes += #"","runAt":""#.utf8
            bytes += job.runAt.description.utf8
            bytes += #""}"#.utf8
        }
        return bytes
    }

    private func facts(of job: JobSnapshot, _ name: StatusName) -> [(String, JSONValue)] {
        [
            ("state", .string(name.rawValue)), ("attempts", .integer(job.progress.attempt)),
            ("lastError", .optional(job.progress.lastError)), ("queueId", .string(job.job.function)),
            ("jobId", .string(job.job.id.description)),
        ]
    }

    private func problem(_ code: Int, _ job: JobSnapshot, _ name: StatusName) -> Problem {
        let facts = facts(of: job, name).map { (name: $0.0, value: $0.1) }
        switch name {
        case .cancelled:
            return Problem(
                code, "Job expired or unknown", kind: "job-gone", title: "Job cancelled",
                extensions: [("reason", "cancelled")] + facts)
        case .timeout:
            return Problem(
                code, "The job did not end within its maxWait.", kind: "job-timeout", title: "Job timed out",
                extensions: facts)
        case .failed:
            return Problem(
                code, job.progress.lastError ?? "The job failed.", kind: "job-failed", title: "Job failed",
                extensions: facts)
        case .deadLetter:
            return Problem(
                code, job.progress.lastError ?? "The job failed.", kind: "job-dead-letter",
                title: "Job failed after its last attempt", extensions: facts)
        case .pending, .inFlight, .completed:
            return Problem(code, "The job is \(name.rawValue).", extensions: facts)
        }
    }

    /// As it was worked out when the job was accepted, or ended. Former versions stored what handlers said without a look.
    private static func location(for job: JobSnapshot) -> String? {
        let url = job.state.isTerminal ? job.redirect : job.job.options.pendingRedirect
        return url.flatMap { RedirectURL.isValid($0) ? $0 : nil }
    }
}
