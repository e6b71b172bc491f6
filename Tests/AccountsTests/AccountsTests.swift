import Foundation
import JobModel
import JobStore
import SQLiteJobStore
import Testing

@testable import Accounts

@Suite final class AccountsTests {
    private let path = NSTemporaryDirectory() + "sluice-accounts-" + UUID().uuidString + ".db"
    private let store: SQLiteJobStore
    private let accounts: Accounts

    init() throws {
        store = try SQLiteJobStore(path: path)
        accounts = Accounts(
            store: store, now: { Timestamp(milliseconds: 1_763_719_200_000) }, random: { .random(in: .min ... .max) })
    }

    deinit {
        for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
    }

    @Test func `A key names its account, until it is revoked`() async throws {
        let issued = try await accounts.create("acme")
        let key = issued.secret.revealed
        #expect(accounts.account(withKey: key) == issued.account.id)
        #expect(key.hasPrefix(issued.prefix + "_"))
        #expect(try await accounts.revoke("acme", prefix: nil) == 1)
        #expect(accounts.account(withKey: key) == nil)
        #expect(try await accounts.revoke("acme", prefix: nil) == 0)
        let listed = try #require(try await accounts.list().first)
        #expect(listed.keys.first?.revokedAt != nil)
    }

    @Test func `Only the key itself is a key`() async throws {
        let issued = try await accounts.create("acme")
        let key = issued.secret.revealed
        for wrong in [
            "", issued.prefix, String(key.dropLast()), key + "0", key.uppercased(), String(key.dropLast()) + "g",
        ] {
            #expect(accounts.account(withKey: wrong) == nil, "\(wrong.count) characters")
        }
    }

    @Test func `A second key works beside the first, and goes alone`() async throws {
        let first = try await accounts.create("acme")
        let second = try await accounts.addKey(to: first.account.id)
        #expect(second.account == first.account)
        #expect(try await accounts.revoke("acme", prefix: first.prefix) == 1)
        #expect(accounts.account(withKey: first.secret.revealed) == nil)
        #expect(accounts.account(withKey: second.secret.revealed) == first.account.id)
        await #expect(throws: Accounts.Problem.unknownKey) { try await accounts.revoke("acme", prefix: first.prefix) }
    }

    @Test func `Names are unique, readable and fit into a path`() async throws {
        _ = try await accounts.create("a@example.com")
        await #expect(throws: Accounts.Problem.nameTaken) { _ = try await accounts.create("a@example.com") }
        for name in [
            "", "a b", "a/b", "a\u{0}", "a\u{1B}[2J", String(repeating: "x", count: 255), ".", "..", "a\u{9B}b",
            "7c5b2a3e-9d1f-4a6b-8c0d-1e2f3a4b5c6d",
        ] {
            await #expect(throws: Accounts.Problem.invalidName) { _ = try await accounts.create(name) }
        }
        await #expect(throws: Accounts.Problem.unknownAccount) { _ = try await accounts.addKey(to: "nobody") }
        await #expect(throws: Accounts.Problem.unknownAccount) { _ = try await accounts.revoke("nobody", prefix: nil) }
        // A refused name leaves nothing behind.
        #expect(try await accounts.list().map(\.account.name) == ["a@example.com"])
    }

    @Test func `Names that only look alike are two accounts, each with its own keys`() async throws {
        let composed = try await accounts.create("caf\u{E9}")
        let decomposed = try await accounts.create("cafe\u{301}")
        #expect(try await accounts.revoke("caf\u{E9}", prefix: nil) == 1)
        #expect(accounts.account(withKey: composed.secret.revealed) == nil)
        #expect(accounts.account(withKey: decomposed.secret.revealed) == decomposed.account.id)
    }

    @Test func `Ids are UUIDs of version 4, keys never repeat`() async throws {
        var keys: Set<String> = []
        for number in 0..<50 {
            let issued = try await accounts.create("account-\(number)")
            keys.insert(issued.secret.revealed)
            let id = Array(issued.account.id)
            #expect(UUID(uuidString: issued.account.id) != nil)
            #expect(id[14] == "4")
            #expect("89ab".contains(id[19]))
        }
        #expect(keys.count == 50)
    }

    @Test func `The key is nowhere in the database, and no print shows it`() async throws {
        let issued = try await accounts.create("acme")
        let key = issued.secret.revealed
        await store.close()
        for suffix in ["", "-wal"] {
            let bytes = (try? Data(contentsOf: URL(fileURLWithPath: path + suffix))) ?? Data()
            #expect(bytes.range(of: Data(key.utf8)) == nil)
            #expect(bytes.range(of: Data(key.suffix(64).utf8)) == nil)
        }
        var dumped = ""
        dump(issued, to: &dumped)
        #expect(!(dumped + "\(issued)" + String(reflecting: issued)).contains(key.suffix(64)))
    }

    @Test func `A key that is made while all are revoked is in force as the store has it`() async throws {
        let (accounts, store) = (accounts, store)
        let account = try await accounts.create("acme").account
        for _ in 0..<50 {
            async let revoked = accounts.revoke("acme", prefix: nil)
            async let made = accounts.addKey(to: "acme")
            let (key, _) = try await (made, revoked)
            let hash = KeyText.hash(of: key.secret.revealed)
            let stored = try await store.account(withKey: hash)?.id
            #expect(accounts.account(withKey: key.secret.revealed) == stored)
            #expect(stored == nil || stored == account.id)
        }
    }

    @Test func `Accounts and keys survive a restart`() async throws {
        let issued = try await accounts.create("acme")
        await store.close()
        let reopened = try SQLiteJobStore(path: path)
        let again = Accounts(store: reopened, now: { Timestamp(milliseconds: 0) }, random: { 7 })
        #expect(again.account(withKey: issued.secret.revealed) == nil)
        try await again.load()
        #expect(again.account(withKey: issued.secret.revealed) == issued.account.id)
        await reopened.close()
    }
}
