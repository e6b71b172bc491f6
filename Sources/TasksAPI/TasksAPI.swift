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
    package init(engine: JobEngine, authenticator: any Authenticator, basePath: [String]) {
        tasks = TaskCalls(engine: engine, authenticator: authenticator)
        webhooks = WebhookCalls(engine: engine, authenticator: authenticator)
        functions = FunctionCalls(engine: engine, authenticator: authenticator, basePath: basePath)
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
        return [
            Route("GET", path(.literal("tasks"))) { try await tasks.list($0, $1) },
            Route("GET", task) { try await tasks.get($0, $1) },
            Route("DELETE", task) { try await tasks.delete($0, $1) },
            Route("POST", task.appending([.literal("retry")])) { try await tasks.retry($0, $1) },
            Route("GET", task.appending([.literal("explain")])) { try await tasks.explain($0, $1) },
            Route("GET", sent) { try await webhooks.list($0, $1) },
            Route("POST", sent.appending([.parameter("webhook"), .literal("resend")])) {
                try await webhooks.resend($0, $1)
            },
            Route("GET", path(.literal("async"), .literal("status"))) { try await functions.queueStatus($0, $1) },
            Route("GET", path(.literal("functions"))) { try await functions.list($0, $1) },
            Route("POST", function.appending([.literal("pause")])) { try await functions.pause($0, $1) },
            Route("POST", function.appending([.literal("resume")])) { try await functions.resume($0, $1) },
        ]
    }
}
