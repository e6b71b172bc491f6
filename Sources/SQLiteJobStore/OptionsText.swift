internal import JobModel
internal import PayloadSchema

/// What a caller set for one job, as it is stored: compact JSON with the members that are set, times in milliseconds. The
/// webhook and the forwarded fields have columns of their own.
enum OptionsText {
    /// nil when nothing is set.
    static func bytes(of options: JobOptions) -> [UInt8]? {
        if options.isEmpty { return nil }
        var object = JSONObject()
        if let target = options.target {
            object["target"] = .string(target.url)
            object["method"] = .string(target.method)
            object["headers"] = .array(target.headers.map { [.string($0.name), .string($0.value)] })
        }
        if let timeout = options.timeout { object["timeout"] = .integer(timeout.milliseconds) }
        if let retries = options.maxRetries { object["retries"] = .integer(retries) }
        if let maxWait = options.maxWait { object["maxWait"] = .integer(maxWait.milliseconds) }
        if options.waitsForSignal { object["signal"] = true }
        if let redirect = options.pendingRedirect { object["pending"] = .string(redirect) }
        return object.members.isEmpty ? nil : JSONValue.object(object).bytes
    }

    /// What this version does not understand is left out.
    static func options(_ bytes: [UInt8]) -> JobOptions {
        var options = JobOptions()
        guard let value = try? JSONParser.parse(bytes) else { return options }
        if let url = value["target"]?.string {
            options.target = JobOptions.Target(
                url: url, method: value["method"]?.string ?? "POST", headers: ExchangeText.fields(value["headers"]))
        }
        options.timeout = value["timeout"]?.integer.map { .milliseconds($0) }
        options.maxRetries = value["retries"]?.integer.map { Int($0) }
        options.maxWait = value["maxWait"]?.integer.map { .milliseconds($0) }
        options.waitsForSignal = value["signal"] == true
        if let redirect = value["pending"]?.string { options.pendingRedirect = redirect }
        return options
    }
}
