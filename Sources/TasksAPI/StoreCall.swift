internal import HTTPSupport
internal import JobStore

enum StoreCall {
    /// Runs a call that needs the store; the store's errors become a 503 that says when to come back.
    static func run(_ body: () async throws -> ServerReply) async throws -> ServerReply {
        do {
            return try await body()
        } catch let error as StoreError {
            throw problem(error)
        }
    }

    private static func problem(_ error: StoreError) -> Problem {
        switch error {
        case .busy:
            return Problem(
                503, "Too many lists are being read now; try again.", kind: "lists-busy",
                headers: [("Retry-After", "1")])
        case .full:
            var problem = Problem.storeUnavailable
            problem.detail = "The server's disk is full; nothing was changed."
            return problem
        case .unavailable, .corrupt, .closed:
            return .storeUnavailable
        }
    }
}
