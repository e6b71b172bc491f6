internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import NIOCore
internal import NIOHTTP1
internal import PayloadSchema

/// What a caller of a function says in header fields and query. Everything here comes from outside.
enum CallFields {
    /// Quoted (a string of RFC 9651) or bare; printable ASCII.
    static func idempotencyKey(_ request: ServerRequest) throws(Problem) -> String? {
        guard request.carries(.idempotencyKey) else { return nil }
        let values = request.headers["idempotency-key"]
        guard let value = values.first else { return nil }
        let key = value.hasPrefix("\"") ? unescaped(value) : value
        guard values.count == 1, let key, (1...Limits.idempotencyKeyCharacters).contains(key.utf8.count),
            key.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
        else {
            throw Problem(
                400,
                "Idempotency-Key takes one key of 1 to \(Limits.idempotencyKeyCharacters) printable ASCII characters, "
                    + "bare or in double quotes.")
        }
        return key
    }

    /// The content of a quoted string, or nil when the quotes do not fit.
    private static func unescaped(_ value: String) -> String? {
        guard value.utf8.count >= 2, value.hasSuffix("\"") else { return nil }
        var result = ""
        var characters = value.dropFirst().dropLast().makeIterator()
        while let character = characters.next() {
            if character == "\"" { return nil }
            if character == "\\" {
                guard let next = characters.next(), next == "\"" || next == "\\" else { return nil }
                result.append(next)
            } else {
                result.append(character)
            }
        }
        return result
    }

    /// `Sluice-Delay: 5m` or `Sluice-Not-Before: <RFC 3339 or epoch milliseconds>`.
    static func start(_ request: ServerRequest) throws(Problem) -> Submission.Start {
        guard request.carries(.sluiceDelay) || request.carries(.sluiceNotBefore) else { return .now }
        let delays = request.headers["sluice-delay"]
        let times = request.headers["sluice-not-before"]
        guard delays.count + times.count <= 1 else {
            throw Problem(400, "Give Sluice-Delay or Sluice-Not-Before, once.")
        }
        if let text = delays.first {
            guard let delay = Duration(written: text) else {
                throw Problem(400, "Sluice-Delay takes a duration with a unit: 250ms, 30s, 5m, 2h, 7d.")
            }
            guard delay <= Limits.delay else { throw EngineProblem.startTooLate }
            return .after(delay)
        }
        if let text = times.first {
            let isNumber = !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
            // Seconds where milliseconds are wanted name a time long ago, and the job would start at once.
            let earliest = Timestamp(milliseconds: 978_307_200_000)
            let time = isNumber ? Int64(text).map(Timestamp.init(milliseconds:)) : Timestamp(rfc3339: text)
            guard let time, time >= earliest else {
                throw Problem(
                    400,
                    "Sluice-Not-Before takes an RFC 3339 time (2026-05-19T10:00:00Z) or milliseconds "
                        + "since 1970, not before 2001 (seconds are too small).")
            }
            return .at(time)
        }
        return .now
    }

    /// `Sluice-Webhook: <url>`. Where it leads is judged when it is sent: what a name means may have changed by then.
    static func webhook(_ request: ServerRequest) throws(Problem) -> String? {
        guard request.carries(.sluiceWebhook) else { return nil }
        let values = request.headers["sluice-webhook"]
        guard let url = values.first else { return nil }
        guard values.count == 1, WebhookURL.isValid(url) else {
            throw Problem(
                400,
                "Sluice-Webhook takes one http or https URL of at most \(Limits.webhookURLBytes) bytes, "
                    + "without a user name, percent-encoded.")
        }
        return url
    }

    /// What an HTTP handler sends on: the fields that the manifest names, and the caller's trace.
    ///
    /// - Parameter isCredential: whether a value has a credential of this server in it, valid or not: that is nobody else's
    ///   business, nor the database's.
    static func forwarded(
        _ headers: HTTPHeaders, to handler: HandlerDeclaration, isCredential: (String) -> Bool
    ) -> [HeaderField] {
        guard case .http(let target) = handler else { return [] }
        var fields: [HeaderField] = []
        for name in target.forwardHeaders {
            let values = headers[name]
            // Several fields of one name are one list (RFC 9110, section 5.3).
            let value = values.joined(separator: ", ")
            if !values.isEmpty, !isCredential(value) { fields.append(HeaderField(name: name, value: value)) }
        }
        let traces = headers[TraceContext.fieldName]
        if traces.count == 1, let trace = traces.first, TraceContext.isValid(trace) {
            fields.append(HeaderField(name: TraceContext.fieldName, value: trace))
        }
        return fields
    }

    /// Query values and path values as one object: a repeated query name is an array, the path wins, `wait` is ours.
    static func parameters(
        query: [(name: String, value: String)], path: [(name: String, value: String)]
    ) -> JSONObject {
        var object = JSONObject()
        if query.isEmpty, path.isEmpty { return object }
        let values = Dictionary(grouping: query) { MemberName($0.name) }.mapValues {
            $0.map { JSONValue.string($0.value) }
        }
        for (name, value) in query where name != "wait" && object[name] == nil {
            let all = values[MemberName(name)] ?? []
            object[name] = all.count > 1 ? .array(all) : .string(value)
        }
        for (name, value) in path { object[name] = .string(value) }
        return object
    }
}
