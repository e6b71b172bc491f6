package import JobModel
private import Synchronization

/// The deployment in force; replaced whole at a reload.
package final class CurrentDeployment: Sendable {
    private let state: Mutex<Deployment>

    package init(_ deployment: Deployment) {
        state = Mutex(deployment)
    }

    package var value: Deployment { state.withLock { $0 } }

    package func policy(for job: Job) -> JobPolicy? { state.withLock { $0.policy(for: job) } }

    package func policy(of unit: String) -> JobPolicy? { state.withLock { $0.policy(of: unit) } }

    /// One at a time may do so.
    ///
    /// - Returns: the former deployment, to be let go where nobody waits for it: every request passes the lock.
    @discardableResult package func replace(with deployment: Deployment) -> Deployment {
        let next = deployment.succeeding(value)
        return state.withLock { current in
            let former = current
            current = next
            return former
        }
    }
}
