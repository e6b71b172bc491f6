private import Hashing
package import JobModel
package import JobStore
package import PayloadSchema

/// What a job's limits count by, each hashed with its function.
package struct JobKeys: Equatable, Sendable {
    /// Jobs of a function with the same caller and the same limit keys share a lane. 0 is that of jobs which nobody called
    /// for and no limit tells apart: the server's own.
    package var lane: Int64 = 0
    /// In the order of the function's rules.
    package var throttle: [Int64] = []
    package var concurrency: [Int64] = []
    /// Counted for `accounts.concurrency`, over all functions; nil for a job without an account.
    package var account: Int64?
    /// What jobs of a caller without credentials count by, over all functions: the address, IPv6 by /64. nil for accounts
    /// and the admin, and where no address is known.
    package var caller: Int64?
    /// Where attempts go, counted over all functions; nil for what runs on this machine.
    package var target: Int64?
    /// See `JobProgress.isSuspect`.
    package var isSuspect = false

    package init(
        lane: Int64 = 0, throttle: [Int64] = [], concurrency: [Int64] = [], account: Int64? = nil, caller: Int64? = nil,
        target: Int64? = nil
    ) {
        self.lane = lane
        self.throttle = throttle
        self.concurrency = concurrency
        self.account = account
        self.caller = caller
        self.target = target
    }
}

/// Who calls and with what: where keys are looked up.
package struct KeySource: Sendable {
    fileprivate let owner: String?
    fileprivate let address: Caller
    fileprivate let values: TemplateValues
    /// The origin of a target that the caller named for this job.
    fileprivate let ownTarget: String?

    /// - Parameters:
    ///   - client: the caller's address; empty when there is none.
    ///   - target: what the caller set for this job.
    package init(
        owner: String?, client: String, payload: JSONValue?, parameters: JSONValue, target: JobOptions.Target? = nil
    ) {
        self.owner = owner
        ownTarget = target.map { URLOrigin(of: $0.url).description }
        address = Caller(address: client)
        values = TemplateValues(payload: payload ?? .null, parameters: parameters)
    }

    /// From a stored job; the payload is parsed only when a key needs it.
    package init(_ job: Job, limits: FunctionLimits) {
        func value(_ bytes: [UInt8]?) -> JSONValue { bytes.flatMap { try? JSONParser.parse($0) } ?? .null }
        self.init(
            owner: job.owner, client: job.client ?? "", payload: limits.needPayload ? value(job.payload) : nil,
            parameters: value(job.parameters), target: job.options.target)
    }

    fileprivate var caller: Caller { owner.map { .account($0) } ?? address }

    /// What the key is called in the manifest, and what this call has for it.
    fileprivate func fields(_ key: LimitKey?) -> KeyFields {
        var fields = KeyFields()
        switch key {
        case nil:
            fields.add("")
        case .account?:
            fields.add("account")
            fields.add(caller)
        case .ip?:
            fields.add("ip")
            fields.add(address)
        case .value(let path)?:
            fields.add(path.description)
            // A missing path is one shared key; no value is written as nothing.
            fields.add(values[path]?.canonicalBytes ?? [])
        }
        return fields
    }
}

/// What callers of a function are told apart by.
private enum Caller: Sendable {
    case account(String)
    case address(CallerAddress)
    /// An address that is not an IP address.
    case other(String)
    case unknown

    init(address: String) {
        if address.isEmpty {
            self = .unknown
        } else if let parsed = CallerAddress(address) {
            self = .address(parsed)
        } else {
            self = .other(address)
        }
    }
}

/// What a key is the hash of: fields one after another, each with its length before it, so that no two lists of fields
/// are the same bytes.
///
/// Lanes and rate windows are stored under such hashes, so these bytes have to be the same in every later version: they
/// are written field by field, never as Swift describes a value.
private struct KeyFields: Equatable {
    private var bytes: [UInt8] = []

    mutating func add(_ field: some Collection<UInt8>) {
        bytes.append(contentsOf: String(field.count).utf8)
        bytes.append(UInt8(ascii: ":"))
        bytes.append(contentsOf: field)
    }

    mutating func add(_ text: String) { add(text.utf8) }

    mutating func add(_ number: Int) { add(String(number)) }

    /// In two fields: the attoseconds of all durations fit no integer.
    mutating func add(_ duration: Duration) {
        add(String(duration.components.seconds))
        add(String(duration.components.attoseconds))
    }

    /// An account is one field, never empty; an empty one says that an address follows.
    mutating func add(_ caller: Caller) {
        switch caller {
        case .account(let id): add(id)
        case .address(let address): addAddress(address.isIPv4 ? "ipv4" : "ipv6", address.bytes)
        case .other(let text): addAddress("other", Array(text.utf8)[...])
        case .unknown: addAddress("", [])
        }
    }

    private mutating func addAddress(_ kind: String, _ bytes: ArraySlice<UInt8>) {
        add("")
        add(kind)
        add(bytes)
    }

    mutating func add(_ fields: KeyFields) { bytes += fields.bytes }

    /// The first eight bytes of a SHA-256: the same after a restart, and not to be chosen by callers so that two collide.
    var hash: Int64 { Int64(bitPattern: SHA256.hash(bytes).leading) }
}

package enum LimitKeys {
    package static func of(_ function: Function, _ source: KeySource) -> JobKeys {
        let limits = function.limits
        let rules = limits.throttle.map(\.key) + limits.concurrency.map(\.key)
        let keys = rules.map(source.fields)
        return JobKeys(
            lane: lane(source, zip(rules, keys).filter { $0.0 != nil }.map(\.1)),
            throttle: keys.prefix(limits.throttle.count).map { key in
                hash("throttle", of: function) { $0.add(key) }
            },
            // Without the limit itself: what has started still counts when a reload changes it.
            concurrency: keys.dropFirst(limits.throttle.count).map { key in
                hash("concurrency", of: function) { $0.add(key) }
            },
            account: account(source.owner), caller: caller(source.owner, source.address), target: target(of: function))
    }

    /// Of a stored job: its payload is looked at only where a limit needs it.
    package static func of(_ job: Job, _ function: Function) -> JobKeys {
        of(function, KeySource(job, limits: function.limits))
    }

    /// Of a stored job that has come so far.
    package static func of(_ job: Job, _ function: Function, _ progress: JobProgress) -> JobKeys {
        var keys = of(job, function)
        guard progress.isSuspect else { return keys }
        keys.lane = lane(ofSuspectsFrom: keys.lane)
        keys.isSuspect = true
        return keys
    }

    /// Where the jobs of a lane stand that are suspects: they wait for more than the others, and must not hold them up. It
    /// follows from the lane alone, for whoever takes up a cut-off attempt has not read the job. Stored, so never changed.
    package static func lane(ofSuspectsFrom lane: Int64) -> Int64 { lane ^ 0x5375_7370_6563_7473 }

    /// The keys that every job of the function has, by the position of their rule: those of rules without a key of their own.
    static func common(_ function: Function) -> (throttle: [Int64?], concurrency: [Int64?]) {
        var unkeyed = KeyFields()
        unkeyed.add("")
        func hashes(_ kind: String, _ keys: [LimitKey?]) -> [Int64?] {
            keys.map { $0 == nil ? hash(kind, of: function) { $0.add(unkeyed) } : nil }
        }
        let limits = function.limits
        return (
            hashes("throttle", limits.throttle.map(\.key)), hashes("concurrency", limits.concurrency.map(\.key))
        )
    }

    /// What attempts at a function's target count by in all functions together. No caller names a target, and nobody stores
    /// this: it may be another in the next process.
    package static func target(of function: Function) -> Int64? { function.target.map { Int64($0.hashValue) } }

    /// What jobs of an account count by in all functions together.
    package static func account(_ owner: String?) -> Int64? {
        guard let owner, owner != Job.adminOwner else { return nil }
        var fields = KeyFields()
        fields.add("account")
        fields.add(owner)
        return fields.hash
    }

    /// What jobs from an address without credentials count by in all functions together.
    private static func caller(_ owner: String?, _ address: Caller) -> Int64? {
        if owner != nil { return nil }
        switch address {
        case .unknown: return nil
        // Loopback is nobody's stranger (CONTRACT 1).
        case .address(let address) where address.isLoopback: return nil
        case .account, .address, .other: break
        }
        var fields = KeyFields()
        fields.add("caller")
        fields.add(address)
        return fields.hash
    }

    /// - Parameter keys: what the job's keyed limits count by, those of unkeyed ones left out.
    private static func lane(_ source: KeySource, _ keys: [KeyFields]) -> Int64 {
        if case .unknown = source.caller, keys.isEmpty, source.ownTarget == nil { return 0 }
        var fields = KeyFields()
        fields.add("lane")
        fields.add(source.caller)
        if let target = source.ownTarget {
            fields.add("target")
            fields.add(target)
        }
        // Once each: a second rule with the same key tells no jobs apart.
        for (index, key) in keys.enumerated() where !keys[..<index].contains(key) { fields.add(key) }
        return fields.hash
    }

    package static func rate(_ function: Function, _ source: KeySource) -> [Int64] {
        function.limits.rate.map { rule in
            hash("rate", of: function) {
                $0.add(rule.limit)
                $0.add(rule.per)
                $0.add(source.fields(rule.key))
            }
        }
    }

    private static func hash(_ rule: String, of function: Function, _ rest: (inout KeyFields) -> Void) -> Int64 {
        var fields = KeyFields()
        fields.add(rule)
        fields.add(function.name)
        rest(&fields)
        return fields.hash
    }
}
