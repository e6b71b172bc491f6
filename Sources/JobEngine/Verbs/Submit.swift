extension JobEngine {
    /// Accepts or refuses calls: see `Admission.submit`.
    package func submit(_ submissions: [Submission], then: @escaping @Sendable ([Admission.Answer]) -> Void) {
        admission.submit(submissions, then: then)
    }

    package func submit(_ submission: Submission, then: @escaping @Sendable (Admission.Answer) -> Void) {
        admission.submit(submission, then: then)
    }

    /// What a call that found no room comes to: see `Admission.recall`.
    package func recall(_ call: Admission.Recall, or refusal: Refusal) async -> Result<Accepted, Refusal> {
        await admission.recall(call, or: refusal)
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
