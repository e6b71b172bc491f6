private import Hashing
package import JobModel

/// Whose secret signs what. Secrets of accounts and of callers without one are never stored: they follow from the
/// server's key, so no account can sign for another and a stolen database signs nothing.
package struct WebhookSecrets: Sendable {
    private let serverKey: Secret
    private let team: Secret?

    /// - Parameters:
    ///   - serverKey: kept in the data folder.
    ///   - team: `WEBHOOK_SECRET`: one team uses one secret for everything that `onComplete` does not sign with its own.
    package init(serverKey: Secret, team: Secret?) {
        self.serverKey = serverKey
        self.team = team
    }

    package func secret(of signer: WebhookSigner) -> Secret {
        switch signer {
        case .secret(let secret): secret
        case .operator: team ?? derived("operator")
        case .account(let id): team ?? derived("account:\(id)")
        case .job(let id): team ?? derived("job:\(id)")
        }
    }

    /// What may be told to whom it belongs; nil where `WEBHOOK_SECRET` signs, which is the operator's to tell.
    package func secretToTell(of signer: WebhookSigner) -> Secret? { team == nil ? secret(of: signer) : nil }

    private func derived(_ use: String) -> Secret {
        let key = HMACSHA256(key: Array(serverKey.revealed.utf8))
        return WebhookSignature.secret(from: key.code(of: Array("sluice webhook secret\n\(use)".utf8)).bytes)
    }
}
