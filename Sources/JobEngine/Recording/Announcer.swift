package import JobModel
private import Synchronization

/// Tells those who wait for a job that it has changed. A waiter costs memory and no query while it waits.
package final class Announcer: Sendable {
    package enum Wake: Sendable, Equatable {
        case changed
        /// The server is shutting down: answer with what is.
        case draining
    }

    /// Says whose interest ends.
    package struct Subscription: Sendable {
        fileprivate var job: JobID
        fileprivate var number: UInt64
    }

    private struct State {
        /// By job, then by number: ten thousand may wait for one job, and each may leave alone.
        var waiters: [JobID: [UInt64: @Sendable (Wake) -> Void]] = [:]
        var next: UInt64 = 0
        var count = 0
        var draining = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Subscribe first and look at the job then: what changes in between is not missed.
    ///
    /// - Parameter wake: called once, by whoever announces: it must not block. At once when the server shuts down.
    package func subscribe(to id: JobID, _ wake: @escaping @Sendable (Wake) -> Void) -> Subscription {
        let (number, draining) = state.withLock { state in
            state.next += 1
            if !state.draining {
                state.waiters[id, default: [:]][state.next] = wake
                state.count += 1
            }
            return (state.next, state.draining)
        }
        if draining { wake(.draining) }
        return Subscription(job: id, number: number)
    }

    package func unsubscribe(_ subscription: Subscription) {
        state.withLock { state in
            guard state.waiters[subscription.job]?.removeValue(forKey: subscription.number) != nil else { return }
            state.count -= 1
            if state.waiters[subscription.job]?.isEmpty == true { state.waiters[subscription.job] = nil }
        }
    }

    package func announce(_ ids: some Sequence<JobID>) {
        let woken = state.withLock { state in
            guard !state.waiters.isEmpty else { return [@Sendable (Wake) -> Void]() }
            let woken = ids.flatMap { state.waiters.removeValue(forKey: $0).map { Array($0.values) } ?? [] }
            state.count -= woken.count
            return woken
        }
        for wake in woken { wake(.changed) }
    }

    /// Wakes everybody; nobody waits from now on.
    package func drain() {
        let woken = state.withLock { state in
            defer { (state.waiters, state.count, state.draining) = ([:], 0, true) }
            return state.waiters.values.flatMap(\.values)
        }
        for wake in woken { wake(.draining) }
    }

    package var waiterCount: Int { state.withLock { $0.count } }
}
