package import JobStore

/// What a failure of the store is to a caller, on every surface: a 503 with `Retry-After`. The details are for the log.
package enum StoreProblem {
    package static func of(_ error: StoreError) -> Problem {
        switch error {
        case .busy:
            return Problem(
                503, "Too many lists are being read now; try again.", kind: "lists-busy",
                headers: [("Retry-After", "1")])
        case .full:
            var problem = Problem.storeUnavailable
            problem.detail = "The server's disk is full; nothing was changed."
            return problem
        case .unavailable, .syncFailed, .unsuitable, .corrupt, .closed: return .storeUnavailable
        }
    }
}
