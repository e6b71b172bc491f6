internal import JobModel

/// Sends HTTP requests that leave this machine, under one egress policy.
///
/// libcurl on a thread of its own (`CurlLoop`). Redirects are not followed, nothing is sent twice, no proxy is used. A
/// connection is opened and used again under this policy only.
package final class Outbound: Sendable {
    private let loop: CurlLoop

    /// - Parameter policy: which addresses it may go to.
    package init(policy: EgressPolicy) {
        loop = CurlLoop(policy: policy)
    }

    deinit { loop.stop() }

    /// Returns when the answer is whole, the time is up, or the task is cancelled; never throws.
    package func send(_ request: OutboundRequest) async -> OutboundResult {
        if let failure = Self.problem(of: request) { return OutboundResult(answer: nil, failure: failure) }
        let transfer = Transfer(request)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfer.continuation = continuation
                loop.add(transfer)
            }
        } onCancel: {
            loop.cancel(transfer)
        }
    }

    private static func problem(of request: OutboundRequest) -> OutboundFailure? {
        guard request.url.hasPrefix("http://") || request.url.hasPrefix("https://"),
            request.url.utf8.count <= OutboundLimits.urlBytes,
            request.url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return .invalidURL }
        guard OutboundHeaders.isToken(request.method) else { return .invalidHeader(name: "method") }
        for (name, value) in request.headers where !OutboundHeaders.mayBeSet(name) || !OutboundHeaders.isValue(value) {
            return .invalidHeader(name: OutboundHeaders.isToken(name) ? name : "name")
        }
        return nil
    }
}
