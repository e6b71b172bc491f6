package import JobModel
internal import NIOHTTP1
package import PayloadSchema
private import Synchronization
internal import Webhooks

/// A webhook receiver for `sluice dev`: keeps what arrives, checks it step by step, and fails when it is told to.
package final class DevSink: Sendable {
    /// A secret that may have signed a webhook, and whose it is.
    package struct Candidate: Sendable {
        package var owner: String
        package var secret: Secret

        package init(owner: String, secret: Secret) {
            self.owner = owner
            self.secret = secret
        }
    }

    private struct Arrival: Sendable {
        var at: Timestamp
        var id: String
        var attempt: String
        var answered: Int
        var steps: [(name: String, isRight: Bool, detail: String)]
        var body: JSONValue
    }

    private struct State {
        var arrivals: [String: [Arrival]] = [:]
        /// How often each webhook has come, by sink and id.
        var counts: [String: Int] = [:]
    }

    /// Of each sink the latest are kept.
    private static let kept = 100
    private static let sinks = 100
    /// An older message may be one that somebody kept (Standard Webhooks, "Verifying webhook timestamps").
    private static let tolerance: Int64 = 300_000

    private let state = Mutex(State())
    private let candidates: @Sendable (JSONValue) async -> [Candidate]
    private let now: @Sendable () -> Timestamp

    /// - Parameter candidates: secrets that may have signed a webhook with this body.
    package init(
        candidates: @escaping @Sendable (JSONValue) async -> [Candidate], now: @escaping @Sendable () -> Timestamp
    ) {
        self.candidates = candidates
        self.now = now
    }

    /// Takes what arrived; returns how often this webhook has come to this sink.
    func count(_ name: String, id: String) -> Int {
        state.withLock { state in
            if state.counts.count > 10_000 { state.counts = [:] }
            state.counts["\(name) \(id)", default: 0] += 1
            return state.counts["\(name) \(id)"] ?? 1
        }
    }

    func take(_ name: String, _ headers: HTTPHeaders, _ bytes: [UInt8], answered: Int) async {
        let body = try? JSONParser.parse(bytes)
        let steps = await steps(headers, bytes, body)
        let arrival = Arrival(
            at: now(), id: headers.first(name: "webhook-id") ?? "",
            attempt: headers.first { $0.name.asciiLowercased.hasSuffix("-attempt") }?.value ?? "", answered: answered,
            steps: steps, body: body ?? .string(String(decoding: bytes.prefix(65_536), as: UTF8.self)))
        state.withLock { state in
            if state.arrivals[name] == nil, state.arrivals.count >= Self.sinks { return }
            state.arrivals[name, default: []].append(arrival)
            if state.arrivals[name, default: []].count > Self.kept { state.arrivals[name]?.removeFirst() }
        }
    }

    func clear(_ name: String) { state.withLock { $0.arrivals[name] = nil } }

    private func steps(
        _ headers: HTTPHeaders, _ bytes: [UInt8], _ body: JSONValue?
    ) async -> [(name: String, isRight: Bool, detail: String)] {
        var steps: [(name: String, isRight: Bool, detail: String)] = []
        func step(_ name: String, _ isRight: Bool, _ detail: String) { steps.append((name, isRight, detail)) }
        step("body", body != nil, body != nil ? "\(bytes.count) bytes of JSON" : "it is no JSON")
        let id = headers.first(name: "webhook-id") ?? ""
        step("webhook-id", !id.isEmpty && !id.contains("."), id.isEmpty ? "missing" : id)
        let seconds = headers.first(name: "webhook-timestamp").flatMap { Int64($0) }
        // A time far beyond any calendar would not fit in milliseconds.
        let isFresh =
            seconds.map { (0...1 << 40).contains($0) && abs(now().milliseconds - $0 * 1000) <= Self.tolerance } ?? false
        step(
            "webhook-timestamp", isFresh,
            seconds.map { "\($0), \(isFresh ? "less" : "more") than 5 minutes from now" } ?? "missing or no number")
        let given = (headers.first(name: "webhook-signature") ?? "").split(separator: " ").map(String.init)
        let plain = headers.first {
            $0.name.asciiLowercased.hasSuffix("-signature")
                && !$0.name.isSameIgnoringASCIICase(as: "webhook-signature")
        }
        var owners: (standard: String?, plain: String?)
        for candidate in await candidates(body ?? .null) {
            let signature = WebhookSignature(secret: candidate.secret)
            if let seconds, given.contains(signature.standard(id: id, timestamp: seconds, bytes)) {
                owners.standard = owners.standard ?? candidate.owner
            }
            if plain?.value == signature.plain(bytes) { owners.plain = owners.plain ?? candidate.owner }
        }
        func verdict(_ owner: String?, _ isThere: Bool) -> String {
            owner.map { "signed with the secret of \($0)" }
                ?? (isThere ? "fits no secret that is known here" : "missing")
        }
        step("webhook-signature", owners.standard != nil, verdict(owners.standard, !given.isEmpty))
        step(plain?.name ?? "X-Sluice-Signature", owners.plain != nil, verdict(owners.plain, plain != nil))
        return steps
    }

    /// What has arrived, the newest first.
    func body(_ name: String) -> JSONValue {
        let arrivals = state.withLock { $0.arrivals[name] ?? [] }
        return [
            "sink": .string(name), "count": .integer(arrivals.count),
            "webhooks": .array(
                arrivals.reversed().map { arrival in
                    [
                        "at": .string(arrival.at.description), "id": .string(arrival.id),
                        "attempt": .string(arrival.attempt), "answered": .integer(arrival.answered),
                        "verified": .bool(arrival.steps.allSatisfy(\.isRight)),
                        "steps": .array(
                            arrival.steps.map { step in
                                ["step": .string(step.name), "ok": .bool(step.isRight), "detail": .string(step.detail)]
                            }),
                        "body": arrival.body,
                    ]
                }),
        ]
    }
}
