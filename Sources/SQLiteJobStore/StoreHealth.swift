internal import JobStore
private import Synchronization

/// What an operator has to hear of.
package enum StoreTrouble: CaseIterable, Sendable {
    /// The database or its log is not the file that was opened any more: nothing is written until it is back.
    case displaced
    /// The disk does not take writes.
    case writes
    /// What was committed does not come from the log into the database: the log grows.
    case checkpoints
    /// What is stored contradicts itself; only a restart may end it.
    case damage
}

/// The troubles that a store is in. Each is told once when it begins and once when it is over, however often it is met.
final class StoreHealth: Sendable {
    private let reasons = Mutex<[StoreTrouble: String]>([:])
    private let onChange: @Sendable (StoreTrouble, String?) -> Void

    /// - Parameter onChange: the reason when a trouble begins, nil when it is over.
    init(onChange: @escaping @Sendable (StoreTrouble, String?) -> Void) {
        self.onChange = onChange
    }

    subscript(trouble: StoreTrouble) -> String? { reasons.withLock { $0[trouble] } }

    func set(_ trouble: StoreTrouble, _ reason: String?) {
        let hasChanged = reasons.withLock { reasons in
            let hasChanged = (reasons[trouble] == nil) != (reason == nil)
            reasons[trouble] = reason
            return hasChanged
        }
        if hasChanged { onChange(trouble, reason) }
    }

    /// Keeps in mind what a failure says of the whole store.
    func note(_ error: StoreError) {
        if case .corrupt(let reason) = error { set(.damage, reason) }
    }
}
