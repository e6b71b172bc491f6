private import Crypto
internal import JobModel
internal import JobStore
internal import PayloadSchema

/// What a job's limits count by, each hashed with its function.
struct JobKeys: Equatable, Sendable {
    /// Jobs of a function with the same account and the same limit keys share a lane.
    var lane: Int64 = 0
    /// In the order of the function's rules.
    var throttle: [Int64] = []
    var concurrency: [Int64] = []
    /// Counted for `accounts.concurrency`, over all functions; nil for a job without an account.
    var account: Int64?
    /// Where attempts go, counted over all functions; nil for what runs on this machine.
    var target: Int64?

    /// Everything that bounds how many run at once, each once: two rules may count by the same.
    var slots: [Int64] {
        var slots = untilRecorded
        if let target { slots.append(target) }
        return slots
    }

    /// Of these, what is held until the attempt's end is recorded: what an operator bounds is bounded over a crash too.
    var untilRecorded: [Int64] {
        var slots: [Int64] = []
        for key in concurrency where !slots.contains(key) { slots.append(key) }
        if let account { slots.append(account) }
        return slots
    }

    /// Whether jobs of other functions count by it too.
    func isShared(_ key: Int64) -> Bool { key == account || key == target }
}

/// Who calls and with what: where keys are looked up.
struct KeySource: Sendable {
    var owner: String?
    var client: String
    var values: TemplateValues

    init(owner: String?, client: String, payload: JSONValue?, parameters: JSONValue) {
        self.owner = owner
        self.client = client
        values = TemplateValues(payload: payload ?? .null, parameters: parameters)
    }

    /// From a stored job; the payload is parsed only when a key needs it.
    init(_ job: Job, limits: FunctionLimits) {
        func value(_ bytes: [UInt8]?) -> JSONValue { bytes.flatMap { try? JSONParser.parse($0) } ?? .null }
        self.init(
            owner: job.owner, client: job.client ?? "", payload: limits.needPayload ? value(job.payload) : nil,
            parameters: value(job.parameters))
    }

    fileprivate func text(_ key: LimitKey?) -> String {
        switch key {
        case nil: ""
        case .account?: owner.map { "account:\($0)" } ?? address
        case .ip?: address
        // A missing path is one shared key.
        case .value(let path)?: values[path].map { "value:\($0.text)" } ?? "missing"
        }
    }

    /// IPv6 counts by /64: one customer has at least that many addresses.
    private var address: String {
        guard let parsed = IPAddress(client), !parsed.isIPv4 else { return "ip:\(client)" }
        return "ip6:\(parsed.bytes[..<8].map(String.init).joined(separator: "."))"
    }
}

enum LimitKeys {
    static func of(_ function: Function, _ source: KeySource) -> JobKeys {
        let limits = function.limits
        let keyed = (limits.throttle.map(\.key) + limits.concurrency.map(\.key)).filter { $0 != nil }
        var keys = JobKeys(account: account(source.owner), target: target(of: function))
        if source.owner != nil || !keyed.isEmpty {
            keys.lane = hash(["lane", source.owner ?? ""] + keyed.map { source.text($0) })
        }
        keys.throttle = limits.throttle.map { rule in
            hash(["throttle", function.name, "\(rule)", source.text(rule.key)])
        }
        keys.concurrency = limits.concurrency.map { rule in
            // Without the limit itself: what runs still counts when a reload changes it.
            hash(["concurrency", function.name, rule.key.map { "\($0)" } ?? "", source.text(rule.key)])
        }
        return keys
    }

    /// Of a job that was claimed: its payload is looked at only where a limit needs it.
    static func of(_ live: LiveJob, _ function: Function) -> JobKeys {
        guard function.limits.boundStarts else {
            return JobKeys(lane: live.lane, account: account(live.job.owner), target: target(of: function))
        }
        return of(function, KeySource(live.job, limits: function.limits))
    }

    /// What attempts at a function's target count by in all functions together. No caller names a target, and nobody stores
    /// this: it may be another in the next process.
    static func target(of function: Function) -> Int64? { function.target.map { Int64($0.hashValue) } }

    /// What jobs of an account count by in all functions together.
    static func account(_ owner: String?) -> Int64? {
        guard let owner, owner != Job.adminOwner else { return nil }
        return hash(["account", owner])
    }

    static func rate(_ function: Function, _ source: KeySource) -> [Int64] {
        function.limits.rate.map { rule in hash(["rate", function.name, "\(rule)", source.text(rule.key)]) }
    }

    /// The first eight bytes of a SHA-256: the same after a restart, and not to be chosen by callers so that two collide.
    private static func hash(_ parts: [String]) -> Int64 {
        var hash = SHA256()
        for part in parts { hash.update(data: Array("\(part.utf8.count):\(part)".utf8)) }
        return hash.finalize().prefix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
    }
}
