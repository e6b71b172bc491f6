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

    private struct State {
        var arrivals = SinkArrivals()
        /// How often each webhook has come, by sink and id.
        var counts: [String: Int] = [:]
    }

    /// Of a webhook's id so much is looked at.
    private static let idBytes = 256
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
        let key = "\(name) \(id)".limited(toBytes: Self.idBytes)
        return state.withLock { state in
            if state.counts.count > 10_000 { state.counts = [:] }
            state.counts[key, default: 0] += 1
            return state.counts[key] ?? 1
        }
    }

    func take(_ name: String, _ headers: HTTPHeaders, _ bytes: [UInt8], answered: Int) async {
        let body = try? JSONParser.parse(bytes)
        let steps = await steps(headers, bytes, body)
        let arrival = SinkArrivals.Arrival(
            at: now(), id: (headers.first(name: "webhook-id") ?? "").limited(toBytes: Self.idBytes),
            attempt: (headers.first { $0.name.asciiLowercased.hasSuffix("-attempt") }?.value ?? "")
                .limited(toBytes: Self.idBytes),
            answered: answered, steps: steps, body: bytes, isJSON: body != nil)
        state.withLock { $0.arrivals.add(arrival, to: name) }
    }

    func clear(_ name: String) { state.withLock { $0.arrivals.remove(name) } }

    private func steps(
        _ headers: HTTPHeaders, _ bytes: [UInt8], _ body: JSONValue?
    ) async -> [SinkArrivals.Step] {
        var steps: [SinkArrivals.Step] = []
        func step(_ name: String, _ isRight: Bool, _ detail: String) {
            steps.append(
                SinkArrivals.Step(
                    name: name.limited(toBytes: Self.idBytes), isRight: isRight,
                    detail: detail.limited(toBytes: Self.idBytes)))
        }
        step("body", body != nil, body != nil ? "\(bytes.count) bytes of JSON" : "it is not JSON")
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

    /// What has arrived, the newest first, as JSON.
    func body(_ name: String) -> [UInt8] {
        let arrivals = state.withLock { $0.arrivals[name] }
        return SinkArrivals.json(name, arrivals)
    }
}
