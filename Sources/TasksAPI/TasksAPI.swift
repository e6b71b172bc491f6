package import HTTPSupport
package import JobEngine
internal import JobModel

/// The tasks API (CONTRACT 5), as far as it is there: look at jobs, cancel and retry them, see the queue, pause
/// functions.
package struct TasksAPI: Sendable {
    private let tasks: TaskCalls
    private let webhooks: WebhookCalls
    private let functions: FunctionCalls

    /// - Parameter basePath: what stands in front of the functions' endpoints.
    package init(engine: JobEngine, basePath: [String]) {
        tasks = TaskCalls(engine: engine)
        webhooks = WebhookCalls(engine: engine)
        functions = FunctionCalls(engine: engine, basePath: basePath)
    }

    package var routes: [Route] {
        let tasks = tasks
        let webhooks = webhooks
        let functions = functions
        func path(_ segments: PathPattern.Segment...) -> PathPattern {
            PathPattern(literals: ["v1"]).appending(segments)
        }
        let task = path(.literal("tasks"), .parameter("id"))
        let sent = task.appending([.literal("webhooks")])
        let function = path(.literal("functions"), .parameter("name"))
        let id = Operation.Parameter.path("id", "The task's id")
        let name = Operation.Parameter.path("name", "The function's name")
        return [
            Route("GET", path(.literal("tasks")), .account, TaskCalls.listOperation) { try await tasks.list($0, $1) },
            Route(
                "GET", task, .account,
                Operation(
                    "One task",
                    parameters: [id, .query("wait", "Seconds to wait for a change, at most 25")],
                    answers: [.init(200, "The task"), .init(410, "It expired")]),
                opening: { request, context throws(Problem) in try tasks.get(request, context) }),
            Route(
                "DELETE", task, .account,
                Operation(
                    "Cancels a task", parameters: [id, .query("force", "true stops a running attempt")],
                    answers: [.init(200, "Cancelled"), .init(409, "It runs, or has ended otherwise")])
            ) { try await tasks.delete($0, $1) },
            Route(
                "POST", task.appending([.literal("retry")]), .account,
                Operation(
                    "Opens another run of an ended task", parameters: [id],
                    answers: [.init(202, "Queued again"), .init(409, "Not failed, timed out or cancelled")])
            ) { try await tasks.retry($0, $1) },
            Route(
                "GET", task.appending([.literal("explain")]), .account,
                Operation("Why a task is not running", parameters: [id], answers: [.init(200, "The reasons")])
            ) { try await tasks.explain($0, $1) },
            Route(
                "GET", sent, .account,
                Operation("The webhooks of a task", parameters: [id], answers: [.init(200, "Each with its attempts")])
            ) { try await webhooks.list($0, $1) },
            Route(
                "POST", sent.appending([.parameter("webhook"), .literal("resend")]), .account,
                Operation(
                    "Sends a webhook again", parameters: [id, .path("webhook", "The webhook's id")],
                    answers: [.init(202, "It will be sent")])
            ) { try await webhooks.resend($0, $1) },
            Route(
                "GET", path(.literal("async"), .literal("status")), .account,
                Operation("What of the caller's is queued and running", answers: [.init(200, "Counts")])
            ) { try functions.queueStatus($0, $1) },
            Route(
                "GET", path(.literal("functions")), .account,
                Operation("The declared functions", answers: [.init(200, "Each with the caller's counts")])
            ) { try await functions.list($0, $1) },
            Route(
                "POST", function.appending([.literal("pause")]), .admin,
                Operation("Pauses a function", parameters: [name], answers: [.init(200, "Paused")])
            ) { try await functions.pause($0, $1) },
            Route(
                "POST", function.appending([.literal("resume")]), .admin,
                Operation(
                    "Lets a paused function go on", parameters: [name],
                    answers: [.init(200, "Not paused"), .init(409, "The manifest pauses it")])
            ) { try await functions.resume($0, $1) },
        ]
    }
}
