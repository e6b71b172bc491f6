package import JobEngine
package import JobModel
package import JobStore
internal import NIOCore
private import Synchronization

/// Waits on an exchange's event loop until a job has changed: a long poll, `Prefer: wait`, a stream of events. Costs no task
/// and no query while it waits.
package final class JobWait: @unchecked Sendable {  // Used on the exchange's event loop only.
    package enum End: Sendable {
        /// What was waited for has come.
        case changed
        case timeUp
        /// The client has gone, or closed its half: nobody else may be there to answer.
        case gone
        /// The server shuts down: answer with what is.
        case draining
        case failed(StoreError)
    }

    private let engine: JobEngine
    private let exchange: HTTPExchange
    private let id: JobID
    private let viewer: Viewer
    private let isEnough: (JobLookup) -> Bool
    private var then: ((End) -> Void)?
    private var timer: Scheduled<Void>?
    private var subscription: Announcer.Subscription?

    /// - Parameters:
    ///   - isEnough: whether what the job has become answers the question. Asked at once and after every change.
    ///   - then: called once, unless nobody can be answered any more.
    package static func start(
        _ engine: JobEngine, _ exchange: HTTPExchange, for id: JobID, as viewer: Viewer, milliseconds: Int64,
        until isEnough: @escaping (JobLookup) -> Bool, then: @escaping (End) -> Void
    ) {
        let wait = JobWait(engine, exchange, id, viewer, isEnough, then)
        wait.timer = exchange.after(milliseconds: milliseconds) { wait.end(.timeUp) }
        exchange.onGone = { wait.end(.gone) }
        wait.look()
    }

    /// A long poll: until the job is at another stage than now.
    ///
    /// - Parameters:
    ///   - check: what a lookup is to this caller; what it throws is answered.
    ///   - then: called once, at once for a job that has ended, unless an error was answered or nobody waits any more.
    package static func forChange(
        _ engine: JobEngine, _ exchange: HTTPExchange, of id: JobID, as viewer: Viewer, seconds: Int,
        check: (JobLookup) throws(Problem) -> JobSnapshot, then: @escaping () -> Void
    ) {
        let stage: JobLookup.Stage?
        do {
            let lookup = try engine.look(at: id, as: viewer)
            if let lookup, try check(lookup).state.isTerminal { return then() }
            stage = lookup?.stage
        } catch {
            return exchange.fail(error)
        }
        guard exchange.hold() else { return exchange.refuseHold() }
        start(
            engine, exchange, for: id, as: viewer, milliseconds: Int64(seconds) * 1000, until: { $0.stage != stage },
            then: { end in if case .failed(let error) = end { exchange.fail(error) } else { then() } })
    }

    private init(
        _ engine: JobEngine, _ exchange: HTTPExchange, _ id: JobID, _ viewer: Viewer,
        _ isEnough: @escaping (JobLookup) -> Bool, _ then: @escaping (End) -> Void
    ) {
        self.engine = engine
        self.exchange = exchange
        self.id = id
        self.viewer = viewer
        self.isEnough = isEnough
        self.then = then
    }

    /// Subscribes first and looks then: what changes in between is not missed.
    private func look() {
        guard then != nil else { return }
        subscription = engine.subscribe(to: id) { [self] wake in
            exchange.post { self.woken(wake) }
        }
        do throws(StoreError) {
            // A store that cannot be looked at without waiting says nothing: whoever waits looks for himself at the next change.
            guard let lookup = try engine.look(at: id, as: viewer) else { return }
            if isEnough(lookup) { end(.changed) }
        } catch {
            end(.failed(error))
        }
    }

    private func woken(_ wake: Announcer.Wake) {
        subscription = nil
        switch wake {
        case .changed: look()
        case .draining: end(.draining)
        }
    }

    private func end(_ reason: End) {
        guard let then else { return }
        self.then = nil
        timer?.cancel()
        timer = nil
        if let subscription { engine.unsubscribe(subscription) }
        subscription = nil
        exchange.onGone = nil
        // Nobody reads what would be looked up.
        if exchange.isOpen { then(reason) }
    }
}
