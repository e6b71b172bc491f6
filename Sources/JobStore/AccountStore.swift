package import JobModel

/// Keeps accounts and the hashes of their API keys. Changes are durable when a call returns.
package protocol AccountStore: Sendable {
    /// Makes an account with its first key; false when the name is taken.
    func create(_ account: Account, with key: APIKey) async throws(StoreError) -> Bool

    /// Gives an account one more key; false when there is no such account.
    func add(_ key: APIKey) async throws(StoreError) -> Bool

    /// All accounts by name, each with its keys, the oldest first.
    func accounts() async throws(StoreError) -> [AccountKeys]

    /// The account that a key's hash belongs to; nil when it is unknown or revoked.
    func account(withKey hash: [UInt8]) async throws(StoreError) -> Account?

    /// Revokes an account's keys, or the one with this prefix. Keys stay listed.
    ///
    /// - Returns: the hashes of those that this call revoked.
    func revokeKeys(of account: String, prefix: String?, at now: Timestamp) async throws(StoreError) -> [[UInt8]]
}

/// Whoever owns jobs: a team, a person, a program.
package struct Account: Equatable, Sendable {
    /// A random UUID; what jobs keep as their owner.
    package var id: String
    /// What people call it; unique.
    package var name: String
    package var createdAt: Timestamp

    package init(id: String, name: String, createdAt: Timestamp) {
        self.id = id
        self.name = name
        self.createdAt = createdAt
    }
}

/// What is kept of an API key: enough to know it again, too little to use it.
package struct APIKey: Equatable, Sendable {
    /// SHA-256 of the whole key.
    package var hash: [UInt8]
    /// Its beginning, by which people tell keys apart; not part of the secret.
    package var prefix: String
    package var account: String
    package var createdAt: Timestamp
    package var revokedAt: Timestamp?

    package init(
        hash: [UInt8], prefix: String, account: String, createdAt: Timestamp, revokedAt: Timestamp? = nil
    ) {
        self.hash = hash
        self.prefix = prefix
        self.account = account
        self.createdAt = createdAt
        self.revokedAt = revokedAt
    }
}

package struct AccountKeys: Equatable, Sendable {
    package var account: Account
    package var keys: [APIKey]

    package init(account: Account, keys: [APIKey]) {
        self.account = account
        self.keys = keys
    }
}
