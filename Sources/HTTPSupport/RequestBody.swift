internal import NIOCore

/// The body of the request that is being read or answered. What is more than a small body is counted in the budget, from when
/// it comes until the request is answered.
struct RequestBody {
    private let budget: BodyBudget
    private var bytes: [UInt8] = []
    private var budgeted = 0
    private var client: Client?

    init(budget: BodyBudget) { self.budget = budget }

    var count: Int { bytes.count }

    /// - Parameter client: in whose share it counts.
    /// - Returns: false when the budget has no room for it.
    mutating func add(_ more: ByteBuffer, of client: Client?) -> Bool {
        let total = bytes.count + more.readableBytes
        if total > HTTPLimits.smallBody {
            guard budget.take(total - budgeted, of: client?.counted) else { return false }
            (budgeted, self.client) = (total, client)
        }
        bytes.append(contentsOf: more.readableBytesView)
        return true
    }

    /// What has come; it stays counted until `drop`.
    mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    mutating func drop() {
        bytes = []
        budget.giveBack(budgeted, of: client?.counted)
        budgeted = 0
    }
}
