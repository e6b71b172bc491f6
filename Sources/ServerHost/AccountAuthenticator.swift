internal import Accounts
internal import HTTPSupport
internal import JobModel

extension BearerAuthenticator {
    /// Lets in whoever has the admin token or an account's API key.
    init(admin: Secret, accounts: Accounts) {
        self.init(admin: admin, keyMark: Accounts.keyMark) { accounts.account(withKey: $0) }
    }
}
