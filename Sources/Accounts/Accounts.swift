package import JobModel
package import JobStore

/// Accounts and their API keys. A key is told once, when it is made; what is kept is its SHA-256.
package struct Accounts: Sendable {
    package enum Problem: Error, Equatable, Sendable {
        /// 1 to 254 bytes, no space, slash or control character, no UUID, not "." or "..".
        case invalidName
        case nameTaken
        case unknownAccount
        /// The account has no such key in force.
        case unknownKey
        case storeUnavailable(StoreError)
    }

    /// A key that was just made; `secret` is shown to its holder and then forgotten.
    package struct IssuedKey: Sendable {
        package var account: Account
        package var prefix: String
        package var secret: Secret
    }

    private let store: any AccountStore
    private let ring = KeyRing()
    private let now: @Sendable () -> Timestamp
    private let random: @Sendable () -> UInt64

    /// - Parameter random: 64 bits that nobody can guess.
    package init(
        store: any AccountStore, now: @escaping @Sendable () -> Timestamp, random: @escaping @Sendable () -> UInt64
    ) {
        self.store = store
        self.now = now
        self.random = random
    }

    /// Reads which keys are in force; before that none is known.
    package func load() async throws(StoreError) {
        var keys: [[UInt8]: String] = [:]
        for account in try await store.accounts() {
            for key in account.keys where key.revokedAt == nil { keys[key.hash] = account.account.id }
        }
        ring.replace(with: keys)
    }

    /// A new account with its first key.
    package func create(_ name: String) async throws(Problem) -> IssuedKey {
        guard Self.isName(name) else { throw .invalidName }
        let account = Account(id: newID(), name: name, createdAt: now())
        let text = KeyText(random: random)
        let key = APIKey(hash: text.hash, prefix: text.prefix, account: account.id, createdAt: account.createdAt)
        guard try await stored({ () async throws(StoreError) in try await store.create(account, with: key) }) else {
            throw .nameTaken
        }
        try await putInForce(key)
        return IssuedKey(account: account, prefix: text.prefix, secret: text.whole)
    }

    /// One more key, so that a program can change keys without a gap.
    package func addKey(to nameOrID: String) async throws(Problem) -> IssuedKey {
        let account = try await find(nameOrID).account
        let text = KeyText(random: random)
        let key = APIKey(hash: text.hash, prefix: text.prefix, account: account.id, createdAt: now())
        guard try await stored({ () async throws(StoreError) in try await store.add(key) }) else {
            throw .unknownAccount
        }
        try await putInForce(key)
        return IssuedKey(account: account, prefix: text.prefix, secret: text.whole)
    }

    package func list() async throws(Problem) -> [AccountKeys] {
        try await stored { () async throws(StoreError) in try await store.accounts() }
    }

    /// Revokes one key, or all of an account; its jobs stay and go on.
    ///
    /// - Returns: how many keys were in force before.
    package func revoke(_ nameOrID: String, prefix: String?) async throws(Problem) -> Int {
        let found = try await find(nameOrID)
        if let prefix, !found.keys.contains(where: { $0.prefix == prefix && $0.revokedAt == nil }) {
            throw .unknownKey
        }
        let time = now()
        let revoked = try await stored { () async throws(StoreError) in
            try await store.revokeKeys(of: found.account.id, prefix: prefix, at: time)
        }
        ring.remove(revoked)
        return revoked.count
    }

    /// The id of the account whose key this is; nil for one that is unknown or revoked. Does not wait.
    package func account(withKey text: String) -> String? {
        guard KeyText.isKey(text) else { return nil }
        return ring.account(withKey: KeyText.hash(of: text))
    }

    /// What every key begins with.
    package static var keyMark: String { KeyText.mark }

    /// A revocation may have come between the commit and this, and have found nothing to remove: so the store is asked once more.
    private func putInForce(_ key: APIKey) async throws(Problem) {
        ring.add(key.hash, of: key.account)
        let owner: Account?
        do {
            owner = try await store.account(withKey: key.hash)
        } catch {
            ring.remove([key.hash])
            throw .storeUnavailable(error)
        }
        if owner == nil { ring.remove([key.hash]) }
    }

    package func find(_ nameOrID: String) async throws(Problem) -> AccountKeys {
        // Byte by byte, as the store has it: texts that only look the same are other names.
        let bytes = Array(nameOrID.utf8)
        let found = try await list().first { $0.account.name.utf8.elementsEqual(bytes) || $0.account.id == nameOrID }
        guard let found else { throw .unknownAccount }
        return found
    }

    private func stored<Value>(_ body: () async throws(StoreError) -> Value) async throws(Problem) -> Value {
        do {
            return try await body()
        } catch {
            throw .storeUnavailable(error)
        }
    }

    /// A UUID of version 4 (RFC 9562, section 5.4).
    private func newID() -> String {
        UUIDBits(
            high: random() & ~0xF000 | 0x4000, low: random() & ~(0b11 << 62) | 0b10 << 62
        ).description
    }

    private static func isName(_ name: String) -> Bool {
        // Ids are UUIDs, and "." and ".." mean something else in a path.
        (1...254).contains(name.utf8.count) && UUIDBits(name) == nil && name != "." && name != ".."
            && name.unicodeScalars.allSatisfy { $0.value > 0x20 && !(0x7F...0x9F).contains($0.value) && $0 != "/" }
    }
}
