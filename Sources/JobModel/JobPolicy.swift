/// What is done with a job: its unit of execution as the manifest declares it, with what the caller set for the job.
///
/// Made by `Deployment.policy` alone: nothing else looks a function up by its name.
package struct JobPolicy: Sendable {
    package var function: Function
    /// False for a unit that was removed: nothing of it starts, and what has started ends by it.
    package var isDeclared: Bool

    init(_ function: Function, with options: JobOptions, isDeclared: Bool) {
        self.function = options.changesPolicy ? function.with(options) : function
        self.isDeclared = isDeclared
    }

    /// nil for a unit that was removed.
    package var declared: Function? { isDeclared ? function : nil }
}

extension Function {
    /// With what the caller of one job set for it: that may lower what is declared, and never raise it.
    fileprivate func with(_ options: JobOptions) -> Function {
        var function = self
        if let timeout = options.timeout { function.timeout = min(timeout, function.timeout) }
        if let maxWait = options.maxWait { function.maxWait = min(maxWait, function.maxWait) }
        if let retries = options.maxRetries, retries < function.retry.attempts {
            function.retry.attempts = max(0, retries) + 1
        }
        if let own = options.target {
            var target = HTTPTarget(url: Template(literal: own.url))
            target.isOfCaller = true
            target.method = own.method
            target.headers = own.headers.map { HTTPTarget.Header(name: $0.name, value: Template(literal: $0.value)) }
            function.handler = .http(target)
        }
        return function
    }
}

extension JobOptions {
    /// Whether they change what is declared for the job's unit. Most jobs set nothing.
    fileprivate var changesPolicy: Bool {
        !isEmpty && (target != nil || timeout != nil || maxRetries != nil || maxWait != nil)
    }
}
