private import Synchronization

/// Requests to URLs that callers gave, under the egress policy in force.
///
/// A connection is never used under another policy than the one it was opened under: a policy that differs replaces
/// everything, and an equal one keeps the idle connections.
package final class GuardedOutbound: Sendable {
    private let current: Mutex<(policy: EgressPolicy, outbound: Outbound)>

    package init(_ policy: EgressPolicy) { current = Mutex((policy, Outbound(policy: policy))) }

    /// From the next request on.
    package func adopt(_ policy: EgressPolicy) {
        current.withLock { current in
            if current.policy != policy { current = (policy, Outbound(policy: policy)) }
        }
    }

    package var outbound: Outbound { current.withLock { $0.outbound } }
}
