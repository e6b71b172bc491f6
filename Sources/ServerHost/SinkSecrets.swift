internal import JobEngine
internal import JobModel
internal import JobStore
internal import OperationsAPI
internal import PayloadSchema
internal import Webhooks

/// Every secret that may have signed what arrives at the sink of `sluice dev`.
struct SinkSecrets: Sendable {
    let engine: JobEngine
    let secrets: WebhookSecrets

    func candidates(for body: JSONValue) async -> [DevSink.Candidate] {
        let function = body["type"]?.string ?? ""
        var candidates: [DevSink.Candidate] = []
        func add(_ owner: String, _ signer: WebhookSigner) {
            candidates.append(DevSink.Candidate(owner: owner, secret: secrets.secret(of: signer)))
        }
        if let secret = engine.policy(of: function)?.function.onComplete?.secret {
            add("\(function).onComplete", .secret(secret))
        }
        add("the operator", .operator)
        guard let id = body["jobId"]?.string.flatMap({ JobID($0) }) else { return candidates }
        add("the job", .job(id))
        if case .found(let job)? = try? await engine.job(id, as: .admin), let owner = job.job.account {
            add("the account", .account(owner))
        }
        return candidates
    }
}
