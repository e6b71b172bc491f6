internal import JobModel
private import Synchronization

/// Sends HTTP requests that leave this machine, under one egress policy.
///
/// libcurl on a thread of its own (`CurlLoop`). Redirects are not followed, nothing that may have arrived is sent twice, no proxy is used. A
/// connection is opened and used again under this policy only.
package final class Outbound: Sendable {
    private let policy: EgressPolicy
    private let beforeSending: (@Sendable () -> Void)?
    /// Made with the first request: most servers send none.
    private let started = Mutex<CurlLoop?>(nil)

    /// - Parameter policy: which addresses it may go to.
    package convenience init(policy: EgressPolicy) { self.init(policy: policy, beforeSending: nil) }

    /// - Parameter beforeSending: called by the loop right before a request leaves; for tests of what happens in between.
    init(policy: EgressPolicy, beforeSending: (@Sendable () -> Void)?) {
        _ = CurlLibrary.keepsKeys
        self.policy = policy
        self.beforeSending = beforeSending
    }

    deinit { started.withLock { $0?.stop() } }

    private var loop: CurlLoop {
        started.withLock { started in
            let loop = started ?? CurlLoop(policy: policy)
            started = loop
            return loop
        }
    }

    /// Returns when the answer is whole, the time is up, or the task is cancelled; never throws.
    package func send(_ request: OutboundRequest) async -> OutboundResult {
        if let failure = Self.problem(of: request) { return OutboundResult(answer: nil, failure: failure) }
        let loop = loop
        let transfer = Transfer(request)
        transfer.beforeSending = beforeSending
        var result = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                transfer.continuation = continuation
                loop.add(transfer)
            }
        } onCancel: {
            loop.cancel(transfer)
        }
        result.answer?.headers = transfer.answerFields
        return result
    }

    private static func problem(of request: OutboundRequest) -> OutboundFailure? {
        let url = request.url.utf8
        guard HTTPScheme(of: request.url) != nil, url.count <= OutboundLimits.urlBytes,
            url.allSatisfy(ASCII.isVisible)
        else { return .invalidURL }
        guard HTTPHeaderRules.isToken(request.method) else { return .invalidHeader(name: "method") }
        for (name, value) in request.headers where !HTTPHeaderRules.maySet(name) || !HTTPHeaderRules.isValue(value) {
            return .invalidHeader(name: HTTPHeaderRules.isToken(name) ? name : "name")
        }
        return nil
    }
}
