internal import Accounts
internal import HTTPSupport
internal import JobModel
internal import JobStore
internal import Logging

extension BearerAuthenticator {
    /// Lets in whoever has the admin token or an account's API key.
    init(admin: Secret, accounts: Accounts, logger: Logger) {
        self.init(admin: admin) { token async throws(Problem) in
            do {
                return try await accounts.account(withKey: token)?.id
            } catch {
                logger.error("Cannot look up an API key", metadata: ["error": "\(error)"])
                throw Problem.storeUnavailable
            }
        }
    }
}
