internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import Logging
internal import NIOHTTP1
internal import PayloadSchema

/// A job's status as the table of CONTRACT 2 has it.
struct StatusPage: Sendable {
    private let basePath: [String]
    private let engine: JobEngine
    private let logger: Logger

    init(basePath: [String], engine: JobEngine, logger: Logger) {
        self.basePath = basePath
        self.engine = engine
        self.logger = logger
    }

    /// What the paths of a function's status pages begin with, the slash at the end included.
    func path(ofFunction name: String) -> String { "/" + (basePath + [name, "status", ""]).joined(separator: "/") }

    /// What has to be read to render the status of a function's jobs.
    func parts(for function: Function?) -> JobParts {
        let needsPayload = function?.endpoint.redirects.values.contains { $0.uses(.payload) } ?? false
        return needsPayload ? [.value, .payload] : .value
    }

    func response(for job: JobSnapshot, requestID: RequestID) -> ServerResponse {
        let function = engine.policy(for: job.job)?.function
        let name = StatusName(job.state, failure: job.failure)
        let code = function?.endpoint.statusCodes[name] ?? name.defaultStatusCode
        var response =
            code >= 400
            ? problem(code, job, name).response(requestID: requestID)
            : ServerResponse(status: code, headers: ["Content-Type": "application/json"], body: body(of: job, name))
        if let location = location(for: job, name, function) {
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

    /// Where a redirect leads: http(s) or an absolute path without control characters, else none.
    private func location(for job: JobSnapshot, _ name: StatusName, _ function: Function?) -> String? {
        // What the handler said itself is nearer than what the manifest says for all jobs.
        if let own = job.redirect { return checked(own, job) }
        guard let state = name.redirect, let template = function?.endpoint.redirects[state] else { return nil }
        func value(_ bytes: [UInt8]?) -> JSONValue { bytes.flatMap { try? JSONParser.parse($0) } ?? .null }
        let values = TemplateValues(
            payload: value(job.job.payload), parameters: value(job.job.parameters), result: value(job.value))
        return checked(template.url(values), job)
    }

    private func checked(_ url: String?, _ job: JobSnapshot) -> String? {
        guard let url, RedirectURL.isValid(url) else {
            logger.warning(
                "Redirect left out: it is no http(s) URL and no absolute path",
                metadata: ["job": "\(job.job.id)", "function": "\(job.job.function)"])
            return nil
        }
        return url
    }
}
