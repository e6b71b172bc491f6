internal import JobModel
internal import Webhooks

/// What a server proves itself and others by: given in the settings, or made once and kept in the data folder.
struct ServerSecrets: Sendable {
    let adminToken: Secret
    let webhooks: WebhookSecrets

    /// - Parameter random: of which secrets are made that are not there yet.
    init(_ settings: Settings, in data: DataFolder, random: () -> UInt64) throws(DataFolder.Problem) {
        if let given = settings.adminToken {
            adminToken = given
        } else {
            adminToken = Secret(try data.secret(DataFolder.adminToken, random: random))
        }
        webhooks = WebhookSecrets(
            serverKey: Secret(try data.secret(DataFolder.serverKey, random: random)), team: settings.webhookSecret)
    }
}
