package import JobModel
package import JobStore

extension SQLiteJobStore: AccountStore {
    package func create(_ account: Account, with key: APIKey) async throws(StoreError) -> Bool {
        try await writer.perform { session throws(StoreError) in
            try session.connection.statement(
                "INSERT INTO accounts (id, name, created_at) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING"
            ).bind(1, account.id).bind(2, account.name).bind(3, account.createdAt).run()
            guard session.connection.changes == 1 else { return false }
            try session.connection.insert(key)
            return true
        }
    }

    package func add(_ key: APIKey) async throws(StoreError) -> Bool {
        try await writer.perform { session throws(StoreError) in
            let select = try session.connection.statement("SELECT 1 FROM accounts WHERE id = ?1").bind(1, key.account)
            defer { select.reset() }
            guard try select.step() else { return false }
            try session.connection.insert(key)
            return true
        }
    }

    package func accounts() async throws(StoreError) -> [AccountKeys] {
        try readers.read { connection throws(StoreError) in
            let select = try connection.statement(
                """
                SELECT a.id, a.name, a.created_at, k.hash, k.prefix, k.created_at, k.revoked_at
                FROM accounts a LEFT JOIN api_keys k ON k.account = a.id ORDER BY a.name, k.created_at, k.prefix
                """)
            defer { select.reset() }
            var accounts: [AccountKeys] = []
            while try select.step() {
                let account = select.account()
                if accounts.last?.account.id != account.id { accounts.append(AccountKeys(account: account, keys: [])) }
                guard let hash = select.bytes(3) else { continue }
                accounts[accounts.count - 1].keys.append(
                    APIKey(
                        hash: hash, prefix: select.text(4), account: account.id, createdAt: select.time(5),
                        revokedAt: select.optionalTime(6)))
            }
            return accounts
        }
    }

    package func account(withKey hash: [UInt8]) async throws(StoreError) -> Account? {
        try readers.read { connection throws(StoreError) in
            let select = try connection.statement(
                """
                SELECT a.id, a.name, a.created_at FROM api_keys k JOIN accounts a ON a.id = k.account
                WHERE k.hash = ?1 AND k.revoked_at IS NULL
                """
            ).bind(1, hash)
            defer { select.reset() }
            return try select.step() ? select.account() : nil
        }
    }

    package func revokeKeys(
        of account: String, prefix: String?, at now: Timestamp
    ) async throws(StoreError) -> [[UInt8]] {
        try await writer.perform { session throws(StoreError) in
            let update = try session.connection.statement(
                """
                UPDATE api_keys SET revoked_at = ?3
                WHERE account = ?1 AND (?2 IS NULL OR prefix = ?2) AND revoked_at IS NULL RETURNING hash
                """
            ).bind(1, account).bind(2, prefix).bind(3, now)
            defer { update.reset() }
            var hashes: [[UInt8]] = []
            while try update.step() { hashes.append(update.bytes(0) ?? []) }
            return hashes
        }
    }
}

extension Connection {
    fileprivate func insert(_ key: APIKey) throws(StoreError) {
        try statement("INSERT INTO api_keys (hash, prefix, account, created_at) VALUES (?1, ?2, ?3, ?4)")
            .bind(1, key.hash).bind(2, key.prefix).bind(3, key.account).bind(4, key.createdAt).run()
    }
}

extension Statement {
    fileprivate func account() -> Account { Account(id: text(0), name: text(1), createdAt: time(2)) }
}
