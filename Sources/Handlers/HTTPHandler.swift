package import JobModel
package import Outbound
private import PayloadSchema
private import Webhooks

/// One HTTP request an attempt (CONTRACT 3, Handlers).
package struct HTTPHandler: Handler {
    private let target: HTTPTarget
    private let outbound: Outbound
    private let clock: any EngineClock
    private let version: String

    private let headerPrefix: String

    /// - Parameters:
    ///   - outbound: under the policy for URLs that the operator wrote.
    ///   - headerPrefix: of signed requests, as webhooks have it.
    package init(
        _ target: HTTPTarget, outbound: Outbound, clock: any EngineClock, version: String,
        headerPrefix: String = WebhookSettings.usualPrefix
    ) {
        self.target = target
        self.outbound = outbound
        self.clock = clock
        self.version = version
        self.headerPrefix = headerPrefix
    }

    private static let beyondDeadline = Duration.seconds(5)

    package func run(_ call: HandlerCall) async -> Outcome {
        switch request(for: call) {
        case .success(let request): outcome(of: await outbound.send(request), call)
        case .failure(let failure): .failure(failure)
        }
    }

    /// What the target is asked; a failure when a value is missing.
    private func request(for call: HandlerCall) -> Result<OutboundRequest, Outcome.Failure> {
        let values = Self.values(of: call.job, for: target)
        guard let url = target.url.url(values) else {
            return .failure(Self.unfilled(target.url, values, of: "url"))
        }
        // The engine stops the attempt at its deadline and says so; this is for a clock that was set back.
        let limit = max(.zero, call.deadline - clock.now().wall) + Self.beyondDeadline
        var request = OutboundRequest(
            method: target.method, url: url, headers: headers(call), body: call.job.payload, timeout: limit)
        for header in target.headers {
            guard let value = header.value.text(values) else {
                return .failure(Self.unfilled(header.value, values, of: "header \(header.name)"))
            }
            request.headers.removeAll { $0.name.isSameIgnoringASCIICase(as: header.name) }
            request.headers.append((header.name, value))
        }
        if let secret = target.secret {
            let fields = WebhookSignature(secret: secret).fields(
                id: Self.idempotencyKey(call), attempt: call.attempt, at: clock.now().wall, prefix: headerPrefix,
                call.job.payload ?? [])
            // Nobody else speaks for the signature, neither the manifest nor a caller.
            request.headers.removeAll { header in
                fields.contains { $0.name.isSameIgnoringASCIICase(as: header.name) }
            }
            request.headers += fields
        }
        return .success(request)
    }

    /// Why a template could not be filled in with a job's values.
    private static func unfilled(_ template: Template, _ values: TemplateValues, of place: String) -> Outcome.Failure {
        let error =
            template.missing(in: values).map {
                "the handler's \(place) needs {\($0)}, and this job has no text, number or boolean there"
            } ?? "a value would make the handler's \(place) lead elsewhere: \".\" and \"..\" are not path segments"
        return Outcome.Failure(error: error, retryable: false)
    }

    private func outcome(of result: OutboundResult, _ call: HandlerCall) -> Outcome {
        let exchange = Exchange(result)
        // What never left is not an exchange.
        if result.answer != nil || result.timings.total > 0 { call.report(exchange) }
        if let failure = result.failure { return outcome(of: failure) }
        guard let answer = result.answer else { return .failure(.init(error: "stopped")) }
        return outcome(of: answer, exchange)
    }

    private static func values(of job: Job, for target: HTTPTarget) -> TemplateValues {
        func value(_ bytes: [UInt8]?) -> JSONValue { bytes.flatMap { try? JSONParser.parse($0) } ?? .null }
        let needsPayload = ([target.url] + target.headers.map(\.value)).contains { $0.uses(.payload) }
        return TemplateValues(
            payload: needsPayload ? value(job.payload) : .null, parameters: value(job.parameters))
    }

    /// What every target is told; the manifest's own fields replace them.
    private func headers(_ call: HandlerCall) -> [(name: String, value: String)] {
        let id = call.job.id.description
        var headers = [
            (name: "User-Agent", value: "Sluice/\(version)"),
            (name: "Idempotency-Key", value: call.run > 1 ? Self.idempotencyKey(call) : id),
            (name: "Sluice-Job-Id", value: id), (name: "Sluice-Function", value: call.job.function),
            (name: "Sluice-Attempt", value: "\(call.attempt)"), (name: "Sluice-Deadline", value: "\(call.deadline)"),
            (name: "traceparent", value: TraceContext.field(for: call)),
        ]
        for field in call.job.options.forwarded where target.forwards(field.name) {
            headers.removeAll { $0.name.isSameIgnoringASCIICase(as: field.name) }
            headers.append((name: field.name, value: field.value))
        }
        if call.job.payload != nil { headers.append((name: "Content-Type", value: "application/json")) }
        return headers
    }

    /// A later run is another call: what the first one did must not answer it (CONTRACT 2).
    private static func idempotencyKey(_ call: HandlerCall) -> String {
        call.run > 1 ? "\(call.job.id)-\(call.run)" : "\(call.job.id)"
    }

    private func outcome(of failure: OutboundFailure) -> Outcome {
        let retries: Bool =
            switch failure {
            case .timedOut, .connectTimedOut: target.retriesTimeouts
            case .invalidURL, .invalidHeader: false
            case .unreachable, .nameNotFound, .notConnected, .certificateNotTrusted, .tlsFailed, .connectionLost,
                .notHTTP, .headTooLarge, .endless, .protocolSwitched, .lengthsDiffer, .codingNotDecoded, .notSentTwice,
                .cancelled, .other:
                target.retriesNetwork
            }
        return .failure(.init(error: "\(failure)", retryable: retries))
    }

    private func outcome(of answer: OutboundAnswer, _ exchange: Exchange) -> Outcome {
        switch target.verdict(on: answer.status) {
        case .success:
            let redirect = target.passesRedirect && answer.status == 303 ? answer["location"] : nil
            return .success(value: Self.value(of: answer, exchange), redirect: redirect)
        case .retry:
            let pause = target.honoursRetryAfter ? answer["retry-after"] : nil
            return .failure(
                .init(
                    error: HTTPStatus(answer.status).failure, statusCode: answer.status,
                    retryAfter: pause.flatMap { RetryAfter.duration($0, now: clock.now().wall) }))
        case .failure:
            return .failure(
                .init(error: HTTPStatus(answer.status).failure, statusCode: answer.status, retryable: false))
        }
    }

    /// The body's JSON as it came when its type says so and it is whole; else the body as a string.
    private static func value(of answer: OutboundAnswer, _ exchange: Exchange) -> [UInt8] {
        let type = (answer["content-type"] ?? "").split { ";\t ".contains($0) }.first?.asciiLowercased ?? ""
        let isJSON = type == "application/json" || (type.hasPrefix("application/") && type.hasSuffix("+json"))
        // A byte-order mark in front of JSON may be ignored (RFC 8259, section 8.1), and some platforms write one.
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let body = answer.body.starts(with: mark) ? Array(answer.body.dropFirst(mark.count)) : answer.body
        if isJSON, !answer.isTruncated, (try? JSONParser.validate(body)) != nil { return body }
        return JSONValue.string(exchange.body).bytes
    }
}

extension Exchange {
    /// Bytes that are not UTF-8 are shown as U+FFFD.
    init(_ result: OutboundResult) {
        let timings = result.timings
        self.init(
            statusCode: result.answer?.status,
            headers: Self.kept(result.answer?.headers ?? []),
            body: result.answer.map { String(decoding: $0.body, as: UTF8.self) } ?? "",
            isTruncated: result.answer?.isTruncated ?? false,
            timings: Timings(
                dns: timings.dns, connect: timings.connect, tls: timings.tls, firstByte: timings.firstByte,
                total: timings.total))
    }

    /// The first ones, as far as they fit.
    private static func kept(_ fields: [OutboundAnswer.Field]) -> [HeaderField] {
        var room = Limits.exchangeHeaderBytes
        var kept: [HeaderField] = []
        for field in fields {
            room -= field.name.utf8.count + field.value.utf8.count + 4
            guard room >= 0 else { break }
            kept.append(HeaderField(name: field.name, value: field.value))
        }
        return kept
    }
}
