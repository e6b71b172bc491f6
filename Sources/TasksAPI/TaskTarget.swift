internal import HTTPSupport
internal import JobModel
internal import JobStore
internal import PayloadSchema

/// Which task, and who asks.
struct TaskTarget: Sendable {
    static let notFound = Problem(404, "There is no such task.")

    let id: JobID
    let viewer: Viewer

    init(_ context: RouteContext) throws(Problem) {
        viewer = try context.caller().viewer
        guard let bits = UUIDBits(context.parameter("id") ?? "") else {
            throw Problem(400, "The task id is not a UUID.")
        }
        guard let id = JobID(bits) else { throw Self.notFound }
        self.id = id
    }

    /// A purged task is gone; somebody else's is one that never was.
    func check(_ lookup: JobLookup) throws(Problem) -> JobSnapshot {
        switch lookup {
        case .found(let job):
            return job
        case .purged:
            throw Problem(
                410, "The task expired.", kind: "job-gone", title: "Gone", extensions: [("reason", "expired")])
        case .unknown:
            throw Self.notFound
        }
    }
}
