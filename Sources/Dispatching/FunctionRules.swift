package import JobModel

/// What decides when a function's jobs start, made from the manifest outside the dispatcher's lock.
package struct FunctionRules: Sendable {
    package var name: String
    package var isPaused: Bool
    /// Attempts that the function may have under way.
    var limit: Int
    /// What attempts at its target count by; nil for what runs on this machine, and where each job names its own.
    var target: Int64?
    var concurrency: [ConcurrencyLimit]
    var throttles: [Throttle]
    /// The keys that every job of the function has: of rules without a key of their own; nil for the others.
    var commonConcurrency: [Int64?]
    var commonThrottles: [Int64?]

    /// What the keys of a job depend on. While it stays as it is, what is known of a lane stays known.
    struct Shape: Equatable {
        var target: Int64?
        var concurrency: [LimitKey?]
        var throttles: [LimitKey?]
    }

    var shape: Shape {
        Shape(target: target, concurrency: concurrency.map(\.key), throttles: throttles.map(\.key))
    }
}

/// The rules of a deployment.
package struct DispatchRules: Sendable {
    /// Running attempts in all.
    var slots: Int
    /// Of one account.
    var accountLimit: Int
    /// Of one address without credentials.
    var callerLimit: Int
    /// Attempts that a target may have under way when no function that goes there says more.
    private var targetShare: Int
    private var targetLimits: [Int64: Int]
    package var functions: [FunctionRules]

    package init(_ deployment: Deployment) {
        let slots = deployment.concurrency
        self.slots = slots
        accountLimit = deployment.accountConcurrency
        let threeQuarters = max(1, slots * 3 / 4)
        callerLimit = min(deployment.anonymous.concurrency, threeQuarters)
        let functions = deployment.functions
        let share = functions.count > 1 ? threeQuarters : slots
        // A function that says itself how much it needs gets that.
        func own(_ function: Function) -> Int {
            let unkeyed = function.limits.concurrency.filter { $0.key == nil }.map(\.limit)
            return min(slots, max(share, unkeyed.min() ?? 0))
        }
        var targets: [Int64: Int] = [:]
        for function in functions {
            guard let target = LimitKeys.target(of: function) else { continue }
            targets[target] = max(targets[target] ?? share, own(function))
        }
        targetShare = share
        targetLimits = targets
        self.functions = functions.map { function in
            let common = LimitKeys.common(function)
            return FunctionRules(
                name: function.name, isPaused: function.paused, limit: own(function),
                target: LimitKeys.target(of: function), concurrency: function.limits.concurrency,
                throttles: function.limits.throttle, commonConcurrency: common.concurrency,
                commonThrottles: common.throttle)
        }
    }

    /// Attempts that a target may have under way, all functions together.
    ///
    /// - Parameter key: as `LimitKeys.target` has it; callers may name targets that no function does.
    func targetLimit(_ key: Int64?) -> Int { key.flatMap { targetLimits[$0] } ?? targetShare }
}
