internal import HTTPSupport
internal import JobModel
internal import JobStore
internal import PayloadSchema

/// Which task, and for whose eyes.
struct TaskTarget {
    static let notFound = Problem(404, "There is no such task.")

    let id: JobID
    let principal: Principal

    init(
        _ request: ServerRequest, _ context: RouteContext, _ authenticator: any Authenticator
    ) async throws(Problem) {
        principal = try await authenticator.require(request)
        guard let bits = UUIDBits(context.parameter("id") ?? "") else {
            throw Problem(400, "The task id is no UUID.")
        }
        guard let id = JobID(bits) else { throw Self.notFound }
        self.id = id
    }

    /// A purged task is gone; somebody else's is answered as one that never was.
    func check(_ lookup: JobLookup) throws(Problem) -> JobSnapshot {
        switch lookup {
        case .found(let job) where Self.maySee(principal, job.job.owner):
            return job
        case .purged(let tombstone) where Self.maySee(principal, tombstone.owner):
            throw Problem(
                410, "The task expired.", kind: "job-gone", title: "Gone", extensions: [("reason", "expired")])
        case .found, .purged, .unknown:
            throw Self.notFound
        }
    }

    /// Jobs without an owner belong to nobody's list.
    private static func maySee(_ principal: Principal, _ owner: String?) -> Bool {
        principal.scope == nil || principal.scope == owner
    }
}
