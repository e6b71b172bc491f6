internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore

/// Who asks for which job: 401 and 400 before anything is looked up.
struct StatusTarget: Sendable {
    let id: JobID
    let functionName: String
    let viewer: Viewer
    init(_ context: RouteContext, _ engine: JobEngine) throws(Problem) {
        functionName = context.parameter("function") ?? ""
        let function = engine.policy(of: functionName)?.function
        if function?.endpoint.authentication == .required, context.principal == nil {
            throw Problem.unauthorized("This function")
        }
        guard let bits = UUIDBits(context.parameter("jobId") ?? "") else {
            throw Problem(400, "The job id is not a UUID.")
        }
        guard let id = JobID(bits) else { throw StatusPage.gone("unknown") }
        self.id = id
        viewer = .link(context.principal)
    }

    /// The job, when it is there and of this function.
    func check(_ lookup: JobLookup) throws(Problem) -> JobSnapshot {
        switch lookup {
        case .found(let job):
            guard job.job.function == functionName else { throw StatusPage.gone("unknown") }
            return job
        case .purged(let tombstone):
            throw StatusPage.gone(tombstone.function == functionName ? "expired" : "unknown")
        case .unknown:
            throw StatusPage.gone("unknown")
        }
    }
}
