package import JobModel
package import JobStore
internal import PayloadSchema

/// Which webhooks the end of a job makes: the caller's and the function's.
package enum WebhookPlan {
    /// Whether the job has to be read for its payload or parameters before its webhooks can be made.
    package static func needsJob(_ live: LiveJob, _ function: Function?) -> Bool {
        guard let url = function?.onComplete?.url else { return false }
        return (url.uses(.payload) && live.job.payload == nil) || (url.uses(.parameters) && live.job.parameters == nil)
    }

    package static func deliveries(
        for job: Job, _ function: Function?, _ ending: Ending, error: String?, at time: Timestamp
    ) -> [NewDelivery] {
        guard job.options.webhook != nil || function?.onComplete != nil else { return [] }
        let body = WebhookBody.of(job, ending, error: error, at: time)
        var deliveries: [NewDelivery] = []
        if let url = job.options.webhook { deliveries.append(NewDelivery(audience: .caller, url: url, body: body)) }
        if let hook = function?.onComplete, let event = CompletionHook.Event(ending.state), hook.events.contains(event)
        {
            deliveries.append(NewDelivery(audience: .function, url: url(of: hook, job, ending), body: body))
        }
        return deliveries
    }

    /// A value that is missing, or would lead to another path, leaves its place empty: the receiver is told all the same.
    private static func url(of hook: CompletionHook, _ job: Job, _ ending: Ending) -> String {
        func value(_ root: ValuePath.Root, _ bytes: [UInt8]?) -> JSONValue {
            guard hook.url.uses(root) else { return .null }
            return bytes.flatMap { try? JSONParser.parse($0) } ?? .null
        }
        let values = TemplateValues(
            payload: value(.payload, job.payload), parameters: value(.parameters, job.parameters),
            result: value(.result, ending.value))
        return hook.url.pieces.map { piece in
            switch piece {
            case .literal(let text): return text
            case .reference(let path):
                let text = values[path]?.scalarText ?? ""
                return Template.isDotSegment(text) ? "" : Template.percentEncoded(text)
            }
        }.joined()
    }
}
