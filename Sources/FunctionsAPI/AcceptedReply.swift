internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore
internal import PayloadSchema

/// The 202 of a function, made of bytes that were written once.
final class AcceptedReply: Sendable {
    private let page: StatusPage
    private let webhookSecret: @Sendable (JobID) -> Secret?
    /// `/api/v1/send-email/status/`
    private let path: [UInt8]
    private let bodyStart: [UInt8]
    private let bodyMiddle: [UInt8]
    private let fieldsStart = Array("Content-Type: application/json\r\nLocation: ".utf8)

    /// - Parameter webhookSecret: what signs the webhook of a job without an owner, where that is for its caller to know.
    init(_ page: StatusPage, _ function: Function, _ webhookSecret: @escaping @Sendable (JobID) -> Secret?) {
        self.page = page
        self.webhookSecret = webhookSecret
        path = Array(page.path(ofFunction: function.name).utf8)
        // Names are letters, digits and hyphens: nothing in them needs escaping.
        bodyStart = Array(#"{"queueId":"\#(function.name)","jobId":""#.utf8)
        bodyMiddle = Array(#"","statusUrl":""#.utf8) + path
    }

    /// - Parameters:
    ///   - webhook: the URL that this very call names.
    ///   - baseURL: what `Location` begins with; nil for a path.
    func response(_ accepted: Accepted, _ job: JobSnapshot?, webhook: String?, baseURL: String?) -> ServerResponse {
        let id = Array(accepted.id.description.utf8)
        var response = ServerResponse(status: 202)
        response.body.reserveCapacity(bodyStart.count + bodyMiddle.count + 2 * id.count + 2)
        response.body += bodyStart
        response.body += id
        response.body += bodyMiddle
        response.body += id
        if let job, let secret = secretToTell(of: accepted.id, job, to: webhook) {
            response.body += Array(#"","webhookSecret":"#.utf8) + JSONValue.string(secret.revealed).bytes
            response.body.append(UInt8(ascii: "}"))
        } else {
            response.body += [UInt8(ascii: "\""), UInt8(ascii: "}")]
        }
        response.fields.reserveCapacity(256)
        response.fields += fieldsStart
        if let baseURL { response.fields += baseURL.utf8 }
        response.fields += path
        response.fields += id
        if let job {
            response.fields += "\r\nRetry-After: \(page.retryAfter(job))\r\nSluice-Job-State: ".utf8
            response.fields += StatusName(job.state, failure: job.failure).rawValue.utf8
        }
        response.fields += [0x0D, 0x0A]
        return response
    }

    /// Whoever has an account was told its secret when that was made. A replay is told it where it names the same webhook:
    /// an idempotency key can be guessed.
    func secretToTell(of id: JobID, _ job: JobSnapshot, to webhook: String?) -> Secret? {
        guard let webhook, job.job.owner == nil, let own = job.job.options.webhook, own.hasSameBytes(as: webhook) else {
            return nil
        }
        return webhookSecret(id)
    }
}
