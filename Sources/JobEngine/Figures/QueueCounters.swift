package import JobModel
package import JobStore
private import Synchronization

/// How much of each function and of each account is queued and running, what each address without credentials has queued, and
/// how long attempts take: what `Retry-After` and the limits on queues are computed from. Counted beside the store.
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

    /// What an address has queued, by function and in all.
    private struct AddressCounts {
        var all = 0
        var functions: [String: Int] = [:]
    }

    private struct State {
        var functions: [String: Gauge] = [:]
        var accounts: [String: AccountGauges] = [:]
        /// Addresses without queued jobs take no room.
        var addresses: [CallerAddress: AddressCounts] = [:]
        /// What all addresses together have queued, by function.
        var ofAddresses: [String: Int] = [:]
        var all = Gauge()
        /// A moving average over about the last 16 attempts.
        var attemptSeconds: [String: Double] = [:]

        mutating func add(
            _ count: Int, to state: JobState, function: String, owner: String?, stranger: CallerAddress?
        ) {
            all[state] += count
            functions[function, default: Gauge()][state] += count
            if let owner {
                add(count, to: state, function: function, owner: owner)
            } else if state == .queued, let stranger {
                add(count, function: function, stranger: stranger)
            }
        }

        private mutating func add(_ count: Int, function: String, stranger: CallerAddress) {
            let before = addresses[stranger]?.functions[function] ?? 0
            // A job that a former version has queued is nobody's, and still leaves.
            let change = max(count, -before)
            guard change != 0 else { return }
            ofAddresses[function, default: 0] += change
            addresses[stranger, default: AddressCounts()].all += change
            addresses[stranger]?.functions[function] = before + change == 0 ? nil : before + change
            if addresses[stranger]?.all == 0 { addresses[stranger] = nil }
            if ofAddresses[function] == 0 { ofAddresses[function] = nil }
        }

        private mutating func add(_ count: Int, to state: JobState, function: String, owner: String) {
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
                    state.add(
                        count, to: live, function: backlog.function, owner: backlog.owner, stranger: backlog.stranger)
                }
            }
        }
    }

    /// Takes a place in the queues of function, account or address, and server, or says which has none.
    func reserve(_ job: Job, of function: Function, deployment: Deployment) -> QueueFull? {
        let stranger = job.stranger
        return state.withLock { state in
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
            if let stranger {
                let counts = state.addresses[stranger]
                let (own, together) = (counts?.functions[function.name], state.ofAddresses[function.name])
                let maxQueued = function.limits.maxQueued
                if let full = full(.address, deployment.anonymous.maxQueued, counts?.all ?? 0)
                    ?? full(.shareOfAddress, AnonymousLimits.share(ofQueue: maxQueued), own ?? 0)
                    ?? full(.shareOfAddresses, AnonymousLimits.sharesTogether(ofQueue: maxQueued), together ?? 0)
                {
                    return full
                }
            }
            if let full = full(.server, deployment.maxQueued, state.all.queued) { return full }
            state.add(1, to: .queued, function: function.name, owner: job.owner, stranger: stranger)
            return nil
        }
    }

    /// A job goes from one live state to another; nil where it comes from outside or has ended.
    func move(_ job: Job, from: JobState?, to: JobState?) {
        let stranger = from == .queued || to == .queued ? job.stranger : nil
        state.withLock { state in
            if let from { state.add(-1, to: from, function: job.function, owner: job.owner, stranger: stranger) }
            if let to { state.add(1, to: to, function: job.function, owner: job.owner, stranger: stranger) }
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

    /// What one address without credentials has queued, all functions together.
    func queued(of stranger: CallerAddress) -> Int { state.withLock { $0.addresses[stranger]?.all ?? 0 } }

    /// Whether no address is counted any more, for anything: tests look whether all places came back.
    var hasNoAddresses: Bool { state.withLock { $0.addresses.isEmpty && $0.ofAddresses.isEmpty } }

    /// What an attempt has taken lately; nil before the first.
    func attemptSeconds(of function: String) -> Double? { state.withLock { $0.attemptSeconds[function] } }

    package subscript(function: String) -> Gauge { state.withLock { $0.functions[function] ?? Gauge() } }
}
