internal import JobModel
internal import Logging
private import Synchronization

/// Says once that a proxy in front is not in `trustedProxies`: all its clients count as one then, for limits, shares and
/// idempotency keys.
final class UnlistedProxy: Sendable {
    private let logger: Logger
    private let isSaid = Atomic(false)

    init(logger: Logger) { self.logger = logger }

    func sent(_ peer: IPAddress?) {
        guard !isSaid.load(ordering: .relaxed),
            isSaid.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
        else { return }
        logger.warning(
            "A request came with X-Forwarded-For from an address that server.trustedProxies does not name: all clients of that proxy count as one",
            metadata: ["peer": "\(peer?.description ?? "unknown")"])
    }
}
