internal import JobModel

/// One function: its rules as they stand, and its lanes that may start.
struct FunctionEntry: Sendable {
    struct CountRule: Sendable {
        let key: LimitKey?
        /// nil while no rule of this key is declared.
        var limit: Int?
    }

    struct RateRule: Sendable {
        let position: Int
        let key: LimitKey?
        /// nil while it is not declared.
        var rule: Throttle?
    }

    let name: String
    let gate: GateID
    /// nil while it is not declared.
    private(set) var rules: FunctionRules?
    var isPausedByOperator = false
    /// Its attempts get new keys after a reload: until they have them nobody starts.
    var isRekeying = false
    /// Rises when what is known of its lanes is worth nothing any more.
    private(set) var version = 1
    /// The number of the deployment that last changed `version`.
    private(set) var changedUnder = 0
    /// By number: numbers stay, so that a gate finds its rule after a reload.
    private(set) var counts: [CountRule] = []
    private(set) var rates: [RateRule] = []
    /// By the rule's position in the manifest, its number in the lists above.
    private(set) var countNumbers: [Int] = []
    private(set) var rateNumbers: [Int] = []
    /// The gates that every job of it passes: known without a look at the job.
    var commonGates: [GateID] = []
    /// Lanes that passed all their gates and wait for a slot.
    var ready = LaneLine()
    /// When it was last given a slot.
    var turn: UInt64 = 0
    var ticket: UInt32 = 0
    /// Whether all its queued jobs have been looked for since it was declared.
    var isScanned = false

    init(name: String, gate: GateID) {
        self.name = name
        self.gate = gate
    }

    /// Attempts that it may have under way now.
    var limit: Int {
        guard let rules, !rules.isPaused, !isPausedByOperator, !isRekeying else { return 0 }
        return rules.limit
    }

    /// - Returns: whether the keys of its jobs have changed.
    mutating func adopt(_ next: FunctionRules?, number: Int) -> Bool {
        let former = rules
        rules = next
        guard let next else {
            isScanned = false
            return false
        }
        for index in counts.indices { counts[index].limit = nil }
        for index in rates.indices { rates[index].rule = nil }
        countNumbers = next.concurrency.map { rule in
            let index = counts.firstIndex { $0.key == rule.key } ?? counts.count
            if index == counts.count { counts.append(CountRule(key: rule.key)) }
            // Two rules that count by the same are one, the smaller.
            counts[index].limit = min(counts[index].limit ?? rule.limit, rule.limit)
            return index
        }
        rateNumbers = next.throttles.enumerated().map { position, rule in
            let index = rates.firstIndex { $0.position == position && $0.key == rule.key } ?? rates.count
            if index == rates.count { rates.append(RateRule(position: position, key: rule.key)) }
            rates[index].rule = rule
            return index
        }
        guard former?.shape != next.shape else { return false }
        version += 1
        changedUnder = number
        return true
    }
}
