extension JobEngine {
    /// Accepts or refuses calls: see `Admission.submit`.
    package func submit(_ submissions: [Submission], then: @escaping @Sendable ([Admission.Answer]) -> Void) {
        admission.submit(submissions, then: then)
    }

    /// As above, for whoever can wait.
    package func submit(_ submissions: [Submission]) async -> [Result<Accepted, Refusal>] {
        await admission.submit(submissions)
    }

    /// One call, for whoever can wait.
    package func submit(_ submission: Submission) async throws(Refusal) -> Accepted {
        try await admission.submit(submission)
    }
}
