package import JobModel
package import JobStore
private import Synchronization

/// How much of each function and of each account is queued and running, and how long attempts take: what `Retry-After`
/// and the limits on queues are computed from. Counted beside the store.
package final class QueueCounters: Sendable {
    package struct Gauge: Equatable, Sendable {
        package var queued = 0
        package var running = 0
        package var waiting = 0

        package init() {}

        fileprivate subscript(state: JobState) -> Int {
            get {
                switch state {
                case .queued: queued
                case .running: running
                case .waiting: waiting
                case .completed, .failed, .timeout, .cancelled: 0
                }
            }
            set {
                switch state {
                case .queued: queued = newValue
                case .running: running = newValue
                case .waiting: waiting = newValue
                case .completed, .failed, .timeout, .cancelled: break
                }
            }
        }

        fileprivate var isEmpty: Bool { queued == 0 && running == 0 && waiting == 0 }
    }

    /// What an account has live, by function and in all. Accounts without live jobs take no room.
    private struct AccountGauges {
        var all = Gauge()
        var functions: [String: Gauge] = [:]
    }

    private struct State {
        var functions: [String: Gauge] = [:]
        var accounts: [String: AccountGauges] = [:]
        var all = Gauge()
        /// A moving average over about the last 16 attempts.
        var attemptSeconds: [String: Double] = [:]

        mutating func add(_ count: Int, to state: JobState, function: String, owner: String?) {
            all[state] += count
            functions[function, default: Gauge()][state] += count
            guard let owner else { return }
            accounts[owner, default: AccountGauges()].all[state] += count
            accounts[owner]?.functions[function, default: Gauge()][state] += count
            if count < 0, accounts[owner]?.functions[function]?.isEmpty == true {
                accounts[owner]?.functions[function] = nil
                if accounts[owner]?.all.isEmpty == true { accounts[owner] = nil }
            }
        }
    }

    private let state = Mutex(State())

    package init() {}

    package func start(from backlogs: [Backlog]) {
        state.withLock { state in
            for backlog in backlogs {
                for (live, count) in [
                    (JobState.queued, backlog.queued), (.running, backlog.running), (.waiting, backlog.waiting),
                ] {
                    state.add(count, to: live, function: backlog.function, owner: backlog.owner)
                }
            }
        }
    }

    /// Takes a place in the queues of function, account and server, or says which has none.
    func reserve(_ job: Job, of function: Function, deployment: Deployment) -> QueueFull? {
        state.withLock { state in
            func full(_ scope: QueueFull.Scope, _ limit: Int, _ queued: Int) -> QueueFull? {
                guard queued >= limit else { return nil }
                let seconds = max(1, Int64((state.attemptSeconds[function.name] ?? 1).rounded(.up)))
                return QueueFull(scope: scope, limit: limit, retryAfter: seconds)
            }
            let queued = state.functions[function.name]?.queued ?? 0
            if let full = full(.function, function.limits.maxQueued, queued) { return full }
            if let account = job.account {
                let queued = state.accounts[account]?.all.queued ?? 0
                if let full = full(.account, deployment.accounts.maxQueued, queued) { return full }
            }
            if let full = full(.server, deployment.maxQueued, state.all.queued) { return full }
            state.add(1, to: .queued, function: function.name, owner: job.owner)
            return nil
        }
    }

    /// A job goes from one live state to another; nil where it comes from outside or has ended.
    func move(_ job: Job, from: JobState?, to: JobState?) {
        state.withLock { state in
            if let from { state.add(-1, to: from, function: job.function, owner: job.owner) }
            if let to { state.add(1, to: to, function: job.function, owner: job.owner) }
        }
    }

    func attemptEnded(_ function: String, after seconds: Double) {
        state.withLock { state in
            state.attemptSeconds[function] = state.attemptSeconds[function].map { $0 + (seconds - $0) / 16 } ?? seconds
        }
    }

    /// By function.
    package func all(of scope: Viewer.Scope) -> [String: Gauge] {
        state.withLock { state in
            switch scope {
            case .everybody: state.functions
            case .owner(let owner): state.accounts[owner]?.functions ?? [:]
            case .nobody: [:]
            }
        }
    }

    /// All functions together.
    package func total(of scope: Viewer.Scope) -> Gauge {
        state.withLock { state in
            switch scope {
            case .everybody: state.all
            case .owner(let owner): state.accounts[owner]?.all ?? Gauge()
            case .nobody: Gauge()
            }
        }
    }

    /// What an attempt has taken lately; nil before the first.
    func attemptSeconds(of function: String) -> Double? { state.withLock { $0.attemptSeconds[function] } }

    package subscript(function: String) -> Gauge { state.withLock { $0.functions[function] ?? Gauge() } }
}
