private import Synchronization

/// Whose key is whose, in memory: event loops ask it for every request. It is loaded at the start and changed before a change
/// is answered, so a revoked key is refused at once.
final class KeyRing: Sendable {
    /// Account ids by the SHA-256 of their keys.
    private let accounts = Mutex<[[UInt8]: String]>([:])

    func account(withKey hash: [UInt8]) -> String? { accounts.withLock { $0[hash] } }

    func replace(with keys: [[UInt8]: String]) { accounts.withLock { $0 = keys } }

    func add(_ hash: [UInt8], of account: String) { accounts.withLock { $0[hash] = account } }

    func remove(_ hashes: [[UInt8]]) {
        accounts.withLock { accounts in for hash in hashes { accounts[hash] = nil } }
    }
}
