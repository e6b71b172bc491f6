internal import JobModel
internal import PayloadSchema

/// What a webhook says, in the words of the jobs API (reference/asyncly-api.txt, Webhook Payload).
enum WebhookBody {
    /// Compact JSON that a verifier which parses it and writes it again in JavaScript finds unchanged.
    static func of(_ job: Job, _ ending: Ending, error: String?, at time: Timestamp) -> [UInt8] {
        var body = JSONObject()
        body["jobId"] = .string(job.id.description)
        body["type"] = .string(job.type)
        body["status"] = .string(JobsStatus(ending.state).rawValue)
        body["result"] = (ending.value.flatMap { try? JSONParser.parse($0) } ?? .null).asJavaScript
        if JobsStatus(ending.state) == .failed { body["error"] = .optional(error) }
        body["timestamp"] = .string(time.description)
        return JSONValue.object(body).bytes
    }
}
