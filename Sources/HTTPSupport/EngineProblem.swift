package import JobEngine
package import JobModel
package import JobStore
internal import PayloadSchema

/// What a failure of the store or a refusal of the engine is to a caller, on every surface. The details of a failure are for
/// the log.
package enum EngineProblem {
    /// A 503 with `Retry-After`.
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

    package static func of(_ refusal: Refusal, function: Function) -> Problem {
        switch refusal {
        case .unknownFunction:
            Problem(404, "Nothing is found at this path.")
        case .invalidJSON(let error):
            Problem(400, "The body is not valid JSON: \(error).", kind: "invalid-json", title: "Invalid JSON")
        case .idempotencyConflict:
            Problem(
                422, "This Idempotency-Key was used with another request. Use a new key for a new request.",
                kind: "idempotency-conflict", title: "Idempotency key reused")
        case .rateLimited(let status):
            Problem(
                429,
                "At most \(status.rule.limit) calls of \(function.name) in \(status.rule.per.written). "
                    + "Try again in \(status.resetSeconds) seconds.",
                kind: "rate-limited", title: "Too many requests",
                extensions: [("limit", "rateLimit"), ("retryAfter", .integer(status.resetSeconds))],
                headers: [("Retry-After", "\(status.resetSeconds)")]
                    + RateFields.of([status.quota(of: function)]))
        case .queueFull(let full):
            queueFull(full, function: function)
        case .startTooLate:
            startTooLate
        case .delayTooLong(let longest):
            Problem(
                400,
                "Without credentials the start may be at most \(longest.written) ahead (anonymous.maxDelay). "
                    + "Send credentials for a later one.",
                kind: "start-too-late", extensions: [("limit", "anonymous.maxDelay")])
        case .lowSpace(let space):
            lowSpace(space)
        case .storeUnavailable(let error):
            of(error)
        }
    }

    package static let startTooLate = Problem(
        400, "The start may be at most \(Limits.delay.written) ahead.", kind: "start-too-late")

    private static func queueFull(_ full: QueueFull, function: Function) -> Problem {
        func queue(of whose: String) -> String {
            "The queue of \(whose) is full: \(full.limit) jobs are waiting. Try again later."
        }
        func share(_ whose: String) -> String {
            "\(whose) of the queue of \(function.name) is full: \(full.limit) jobs that came without credentials are waiting. "
                + "Try again later, or send credentials."
        }
        let (detail, limit) =
            switch full.scope {
            case .function: (queue(of: function.name), "maxQueued")
            case .account: (queue(of: "your account"), "accounts.maxQueued")
            case .server: (queue(of: "this server"), "server.maxQueued")
            case .address:
                (
                    "Your address has \(full.limit) jobs waiting that came without credentials. "
                        + "Try again later, or send credentials.",
                    "anonymous.maxQueued"
                )
            case .shareOfAddress: (share("Your address's share (a quarter)"), "maxQueued")
            case .shareOfAddresses:
                (share("The share of all callers without credentials (three quarters)"), "maxQueued")
            }
        return Problem(
            429, detail,
            kind: "queue-full", title: "Queue full",
            extensions: [("limit", .string(limit)), ("retryAfter", .integer(full.retryAfter))],
            headers: [("Retry-After", "\(full.retryAfter)")])
    }

    private static func lowSpace(_ space: LowSpace) -> Problem {
        let (free, minimum) = (WrittenSize(space.free), WrittenSize(space.minimum))
        let cure = "free some space, or lower server.minFreeSpace (0B keeps none)"
        let detail =
            space.refusesAll
            ? "The server's disk has \(free) left, and server.minFreeSpace is \(minimum): nothing is accepted now. "
                + "Try again later; its operator can \(cure)."
            : "The server's disk has \(free) left. Below \(WrittenSize(4 * space.minimum)), four times server.minFreeSpace "
                + "(\(minimum)), it accepts calls with credentials only. Send credentials, or try again later; "
                + "its operator can \(cure)."
        return Problem(
            503, detail, kind: "disk-low", title: "Too little disk space", headers: [("Retry-After", "30")])
    }
}

extension RateStatus {
    package func quota(of function: Function) -> RateQuota {
        RateQuota(
            name: function.name, limit: rule.limit, windowSeconds: max(1, rule.per.secondsRoundedUp),
            remaining: remaining, resetSeconds: resetSeconds)
    }
}
