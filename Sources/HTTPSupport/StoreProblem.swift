package import JobStore

/// What a failure of the store is to a caller, on every surface: a 503 with `Retry-After`. The details are for the log.
package enum StoreProblem {
    package static func of(_ error: StoreError) -> Problem {
        var problem = Problem.storeUnavailable
        if error == .full { problem.detail = "The server's disk is full; nothing was changed." }
        return problem
    }
}
