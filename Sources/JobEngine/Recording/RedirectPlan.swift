internal import JobModel
internal import JobStore
internal import Logging
internal import PayloadSchema

/// Works out where a status sends its client on. It is done once: for `pending` when the job is accepted, for what has ended
/// when that is recorded, by the manifest in force then. Done for every look at a status, a large payload would be parsed for
/// each, by whoever has the link.
struct RedirectPlan: Sendable {
    let logger: Logger

    /// For a job that is being accepted.
    func pending(_ function: Function, _ values: @autoclosure () -> TemplateValues) -> String? {
        guard let template = function.endpoint.redirects[.pending] else { return nil }
        return told(Redirect.url(template, values()), function.name)
    }

    /// For a run that has ended. What the handler said itself is nearer than what the manifest says for all jobs.
    func end(of job: Job, _ ending: Ending, _ function: Function?) -> String? {
        if let own = ending.redirect { return told(RedirectURL.isValid(own) ? own : nil, job.function, job.id) }
        guard let template = Self.template(of: ending, function) else { return nil }
        return told(
            Redirect.url(template, payload: job.payload, parameters: job.parameters, result: ending.value),
            job.function, job.id)
    }

    /// Whether the job has to be read for its payload or parameters before it is known where its end leads.
    static func needsJob(_ live: LiveJob, _ function: Function?) -> Bool {
        guard let redirects = function?.endpoint.redirects, !redirects.isEmpty else { return false }
        return [RedirectState.completed, .failed].compactMap { redirects[$0] }.contains { template in
            (template.uses(.payload) && live.job.payload == nil)
                || (template.uses(.parameters) && live.job.parameters == nil)
        }
    }

    private static func template(of ending: Ending, _ function: Function?) -> Template? {
        guard let redirects = function?.endpoint.redirects, !redirects.isEmpty else { return nil }
        return StatusName(ending.state, failure: ending.failure).redirect.flatMap { redirects[$0] }
    }

    private func told(_ url: String?, _ function: String, _ id: JobID? = nil) -> String? {
        if let url { return url }
        var metadata: Logger.Metadata = ["function": "\(function)"]
        if let id { metadata["job"] = "\(id)" }
        logger.warning(
            "Redirect left out: a value is missing, or it is not an http(s) URL and not an absolute path",
            metadata: metadata)
        return nil
    }
}
