package import JobModel
private import Synchronization
package import Timing

/// Tells those who wait for a job that it has changed. A waiter costs memory and no query while it waits.
package final class Announcer: Sendable {
    package enum Wake: Sendable, Equatable {
        case changed
        case timeUp
        case disconnected
        /// The server is shutting down: answer with what is.
        case draining
    }

    private struct State {
        /// By job, then by identity: ten thousand may wait for one job, and each may leave alone.
        var waiters: [JobID: [ObjectIdentifier: OneShot<Wake>]] = [:]
        var count = 0
        var draining = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Subscribe first and look at the job then: what changes in between is not missed.
    package func subscribe(to id: JobID) -> OneShot<Wake> {
        let waiter = OneShot<Wake>()
        let draining = state.withLock { state in
            if state.draining { return true }
            state.waiters[id, default: [:]][ObjectIdentifier(waiter)] = waiter
            state.count += 1
            return false
        }
        if draining { waiter.set(.draining) }
        return waiter
    }

    package func unsubscribe(_ waiter: OneShot<Wake>, from id: JobID) {
        state.withLock { state in
            guard state.waiters[id]?.removeValue(forKey: ObjectIdentifier(waiter)) != nil else { return }
            state.count -= 1
            if state.waiters[id]?.isEmpty == true { state.waiters[id] = nil }
        }
    }

    package func announce(_ ids: some Sequence<JobID>) {
        let woken = state.withLock { state in
            guard !state.waiters.isEmpty else { return [OneShot<Wake>]() }
            let woken = ids.flatMap { state.waiters.removeValue(forKey: $0).map { Array($0.values) } ?? [] }
            state.count -= woken.count
            return woken
        }
        for waiter in woken { waiter.set(.changed) }
    }

    /// Wakes everybody; nobody waits from now on.
    package func drain() {
        let woken = state.withLock { state in
            defer { (state.waiters, state.count, state.draining) = ([:], 0, true) }
            return state.waiters.values.flatMap(\.values)
        }
        for waiter in woken { waiter.set(.draining) }
    }

    package var waiterCount: Int { state.withLock { $0.count } }
}
